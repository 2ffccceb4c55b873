"""The live figure in a browser: what is typed is read, and no text becomes markup."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import EXCESS, opened
from live_page import write_page
from playwright.sync_api import Page, expect

from lstm_report import notebook
from lstm_report.data.tokens import read_words
from lstm_report.training import evaluate, shipped

SENTENCE = "although the acting was wonderful, the plot was not"
HOSTILE = "<img src=x onerror=document.title='run'><script>document.title='run'</script> &lt;b&gt;"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page"), notebook.show_reader)


@pytest.fixture
def page(browser, file):
    with opened(browser, file, offline=True) as page:
        yield page


def type_text(page: Page, text: str) -> None:
    """Write a text into the field, and wait until all of it is read."""
    field = page.get_by_label("or type a review")
    field.scroll_into_view_if_needed()
    expect(page.get_by_role("status")).to_contain_text("P(positive)")
    field.fill(text)
    words = read_words(text)
    expect(page.locator("caption")).to_contain_text(f"word {len(words)} of {len(words)}")
    expect(page.locator(".word")).to_have_count(len(words))


def shown_probabilities(page: Page) -> list[float]:
    row = page.get_by_role("row", name=re.compile("P\\(positive\\)"))
    return [float(text) for text in row.get_by_role("cell").all_inner_texts()]


def test_what_is_typed_is_read_by_both_models_word_by_word(page):
    type_text(page, SENTENCE)
    words = read_words(SENTENCE)
    assert page.locator(".word span").all_inner_texts() == words
    prefixes = ["although the acting was wonderful", SENTENCE]
    expected = {
        prefix: [next(evaluate.probabilities(model, [prefix])) for model in shipped.read().values()]
        for prefix in prefixes
    }
    assert shown_probabilities(page) == pytest.approx(expected[SENTENCE], abs=0.0051)
    page.get_by_role("button", name="wonderful:").click()
    expect(page.locator("caption")).to_have_text(f"At “wonderful”, word 5 of {len(words)}")
    assert shown_probabilities(page) == pytest.approx(expected[prefixes[0]], abs=0.0051)
    lines = page.locator(".chart .faint polyline")
    assert [len(line.get_attribute("points").split()) for line in lines.all()] == [len(words)] * 2


def test_each_word_on_which_the_models_disagree_is_marked(page):
    type_text(page, SENTENCE)
    slider = page.get_by_role("slider")
    apart = []
    for number in range(1, len(read_words(SENTENCE)) + 1):
        slider.fill(str(number))
        one, other = shown_probabilities(page)
        if min(one, other) < 0.495 and max(one, other) > 0.505:
            apart.append(number - 1)
    marked = page.locator(".word").evaluate_all(
        "words => words.flatMap((word, k) => word.matches('.apart') ? [k] : [])"
    )
    assert apart and {*apart} <= {*marked}
    text = page.get_by_role("status").inner_text()
    assert f"disagree after {len(marked)} of {len(read_words(SENTENCE))} words" in text


def test_the_bars_of_a_word_reach_from_the_middle_to_its_probability(page):
    type_text(page, SENTENCE)
    assert page.locator("header").bounding_box()["height"] > 20  # no style of a bar reaches it
    for name in ("wonderful:", "not:"):
        word = page.get_by_role("button", name=name)
        word.click()
        for bar, probability in zip(
            word.locator("i").all(), shown_probabilities(page), strict=True
        ):
            left, width, height, whole = bar.evaluate(
                """bar => {
                  const drawn = getComputedStyle(bar, "::before");
                  const { left, width, height } = drawn;
                  return [...[left, width, height].map(parseFloat), bar.offsetWidth];
                }"""
            )
            low, high = sorted((0.5, probability))
            assert left / whole == pytest.approx(low, abs=0.02)
            assert width / whole == pytest.approx(high - low, abs=0.02)
            assert height == pytest.approx(4, abs=0.5)


def test_the_keyboard_chooses_a_word_and_says_what_the_models_make_of_it(page):
    type_text(page, SENTENCE)
    page.get_by_label("or type a review").focus()
    for _ in range(2):
        page.keyboard.press("Tab")
    slider = page.get_by_role("slider", name="Word")
    expect(slider).to_be_focused()
    page.keyboard.press("Home")
    told = slider.get_attribute("aria-valuetext")
    assert re.fullmatch(r"1, although: LSTM 0\.\d\d, residual LSTM 0\.\d\d", told)
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext").startswith("2, the: ")
    expect(page.locator("caption")).to_contain_text("“the”, word 2")


def test_the_words_are_played_one_after_the_other(page):
    type_text(page, "a wonderful film")
    page.get_by_role("button", name="Play").click()
    expect(page.locator("caption")).to_contain_text("word 1 of 3")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.locator("caption")).to_contain_text("word 3 of 3")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_a_sentence_that_is_chosen_takes_the_place_of_what_was_typed(page):
    type_text(page, SENTENCE)
    select = page.get_by_label("Choose a sentence")
    example = select.locator("option").nth(4).inner_text()
    select.select_option(example)
    expect(page.get_by_label("or type a review")).to_have_value(example)
    expect(page.locator("caption")).to_contain_text(f"of {len(read_words(example))}")


def test_a_text_is_no_markup(page):
    type_text(page, HOSTILE)
    assert page.locator(".live :is(img, script, b)").count() == 0
    assert page.locator(".word span").all_inner_texts() == read_words(HOSTILE)
    assert page.title() == "A title & more"


def test_a_text_that_is_still_being_read_gives_way_to_the_next(page):
    type_text(page, "so")
    slowly = page.context.new_cdp_session(page)
    slowly.send("Emulation.setCPUThrottlingRate", {"rate": 20})
    field, words = page.get_by_label("or type a review"), page.locator(".word")
    field.fill("never " * 100)
    page.wait_for_function("() => document.querySelectorAll('.word').length > 2")
    assert words.count() < 100
    field.fill("a good film")
    expect(words).to_have_text(["a", "good", "film"])
    slowly.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    page.wait_for_timeout(2_000)
    expect(words).to_have_text(["a", "good", "film"])


def test_an_empty_text_is_asked_for(page):
    type_text(page, SENTENCE)
    page.get_by_label("or type a review").fill(" \n ")
    expect(page.get_by_role("status")).to_contain_text("no word to read")
    expect(page.locator(".word").first).to_be_hidden()


def test_unknown_and_left_out_words_are_told(page):
    length = shipped.read()["lstm"].config.data.max_length
    field = page.get_by_label("or type a review")
    type_text(page, "qwertzuiop is good")
    assert page.locator(".word.unknown").all_inner_texts() == ["qwertzuiop"]
    expect(page.locator(".note")).to_contain_text("1 here, are not among the")
    field.fill("bad " * 7 + "good " * length)
    expect(page.locator(".note")).to_contain_text(f"last {length} words are read; 7 more")
    expect(page.locator(".word")).to_have_count(length)
    field.fill("good " * length)
    expect(page.locator(".note")).not_to_contain_text("left out")


def test_without_scripts_and_on_paper_there_is_the_picture(browser, file):
    with opened(browser, file, java_script_enabled=False) as page:
        expect(page.locator("#fig-reader > .scroll")).to_be_visible()
        assert page.locator(".live").count() == 0
    with opened(browser, file) as page:
        expect(page.locator("#fig-reader .live")).to_be_visible()
        expect(page.locator("#fig-reader > .scroll")).to_be_hidden()
        page.emulate_media(media="print")
        expect(page.locator("#fig-reader .live")).to_be_hidden()
        expect(page.locator("#fig-reader > .scroll")).to_be_visible()


def test_where_the_models_cannot_be_unpacked_the_picture_stays(browser, file):
    with opened(browser, file) as page:
        page.add_init_script("delete window.DecompressionStream")
        page.reload()
        page.locator("#fig-reader").scroll_into_view_if_needed()
        expect(page.locator("#fig-reader > .scroll")).to_be_visible()
        expect(page.locator("#fig-reader .live")).to_be_hidden()


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_the_live_page_is_not_wider_than_the_window(browser, file, width):
    with opened(browser, file, width=width) as page:
        type_text(page, f"{SENTENCE} {'incomprehensible' * 5}")
        assert page.evaluate(EXCESS) == 0


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_axe_finds_nothing_in_the_way_of_a_reader(browser, file, width, scheme):
    with opened(browser, file, width=width, color_scheme=scheme) as page:
        type_text(page, f"{SENTENCE} qwertzuiop")
        found = Axe().run(page).response["violations"]
    assert [(entry["id"], entry["nodes"][0]["html"]) for entry in found] == []


def test_the_page_may_run_no_other_script_and_ask_for_nothing(browser, file):
    context = browser.new_context()
    page = context.new_page()
    page.goto(file.as_uri())
    tried = page.evaluate(
        """async () => {
          const refused = [];
          const attempt = async (name, act) => {
            try { await act(); } catch (error) { refused.push(name); }
          };
          const inline = document.createElement("div");
          await attempt("markup", () => { inline.innerHTML = "<b>text</b>"; });
          await attempt("script", () => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'run'";
            document.body.append(script);
          });
          await attempt("handler", () => document.body.setAttribute("onclick", "1"));
          await attempt("request", () => fetch("data:text/plain,x"));
          await new Promise(resolve => {
            const image = new Image();
            image.onerror = () => { refused.push("picture"); resolve(); };
            image.onload = resolve;
            image.src = "https://example.org/x.png";
          });
          return refused;
        }"""
    )
    assert tried == ["markup", "script", "handler", "request", "picture"]
    assert page.title() == "A title & more"
    context.close()
