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
    names = re.findall(r'<symbol id="([^"]+)"', "".join(drawing.glyphs))
    assert len(names) == len(set(names)) == 3
    for picture in drawing.pictures.values():
        assert set(re.findall(r'href="#([^"]+)"', picture)) <= set(names)
        assert "#000000" not in picture
        assert "currentColor" in picture


def typst(tex):
    formula = mathematics.Formula(tex, False)
    return mathematics.to_typst([formula])[formula]


def test_bars_are_set_around_what_stands_between_them():
    assert typst("e^{-|z|}") == "$e^(- lr(|z|))$" == typst(r"e^{-\left|z\right|}")
    assert typst("|a| + |b_t|") == "$lr(|a|) + lr(|b_t|)$"
    for unpaired in ("P(a|b)", "P(a|b) = P(c|d)", r"\|a\|"):
        assert "lr(" not in typst(unpaired)


def test_names_of_operators_and_large_brackets_have_no_space_of_their_own():
    assert typst(r"\operatorname{diag}(1 - h)") == r'$op("diag")\( 1 - h \)$'
    assert typst(r"\bigl[ a \bigr]") == r"$\[ a \]$"


def test_a_wide_equation_is_set_for_a_phone_in_lines_that_start_at_equals_signs():
    assert (
        mathematics._rows("$ a = b = f \\( c = d \\) $")
        == "($ a $, $ = b $, $ = f \\( c = d \\) $, )"
    )
    assert mathematics._rows("$ a & = b\\ c & = d $") == "($ a $, $ = b $, ), ($ c $, $ = d $, )"
    assert mathematics._rows('$ "a = b" $') == '($ "a = b" $, )'
    long = " + ".join(f"W_{{{k}}} x_{{t-{k}}}" for k in range(9))
    wide, short = (mathematics.Formula(tex, True) for tex in (f"h = {long}", "h = x"))
    drawing = mathematics.draw([wide, short])
    widths = [float(width) for width in re.findall(r"width:([\d.]+)em", drawing.pictures[wide])]
    assert widths[0] > 2 * mathematics.WIDE and widths[1] <= mathematics.WIDE
    assert drawing.pictures[wide].count("aria-label") == 2
    assert "narrow" not in drawing.pictures[short]
