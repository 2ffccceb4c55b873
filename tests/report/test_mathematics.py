"""Formulas as pictures: their spaces, their place on the line, and the glyphs that they share."""

import re

from lstm_report.report import mathematics


def test_thin_spaces_and_circled_operators_keep_their_width_and_shape():
    formula = mathematics.Formula(r"a\!b\;c\odot d\otimes e", False)
    markup = mathematics.to_typst([formula])[formula]
    assert "#h(-0.167em)" in markup
    assert "#h(0.278em)" in markup
    assert ".circle" not in markup


def test_an_inline_formula_stands_on_the_baseline():
    drawing = mathematics.draw([mathematics.Formula(tex, False) for tex in ("x", "g", "f_j")])

    def depth(tex):
        picture = drawing.pictures[mathematics.Formula(tex, False)]
        return -float(re.search(r"vertical-align:(-?[\d.]+)em", picture)[1])

    assert abs(depth("x")) < 0.03
    assert 0.1 < depth("g") < 0.3
    assert depth("f_j") > depth("x") + 0.15


def test_formulas_share_their_glyphs_and_follow_the_colour_of_the_text():
    drawing = mathematics.draw(
        [mathematics.Formula("x + y", False), mathematics.Formula("x", True)]
    )
    names = re.findall(r'<symbol id="([^"]+)"', drawing.glyphs)
    assert len(names) == len(set(names)) == 3
    for picture in drawing.pictures.values():
        assert set(re.findall(r'href="#([^"]+)"', picture)) <= set(names)
        assert "#000000" not in picture
        assert "currentColor" in picture
