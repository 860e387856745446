"""What values show in a notebook: the HTML and the plain text, and what it costs."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
import wave
from html.parser import HTMLParser

import pytest

from livesession import (
    Content,
    FunctionCall,
    GenerativeContentBlob,
    LiveServerContent,
    Modality,
    ModalityTokenCount,
    Part,
    PcmAudio,
    ProtocolError,
    ToolResult,
    Transcription,
    Turn,
    UsageMetadata,
)
from livesession.audio import WavFile, write_wav

SECOND = b"\x00\x20\x00\xe0" * 12_000  # at 24,000 Hz
HOSTILE = "<script>alert(1)</script><img src=x onerror='alert(2)'>\"&"
TABLE = {"table", "thead", "tbody", "tr", "th", "td"}
OURS = {"div", "p", "b", "br", "em", "audio", "source", "img", "details", "summary"} | TABLE
USAGE = UsageMetadata(
    prompt_token_count=1_200,
    response_token_count=34,
    thoughts_token_count=5,
    total_token_count=1_239,
    prompt_tokens_details=(ModalityTokenCount(modality=Modality.AUDIO, token_count=1_200),),
    response_tokens_details=(ModalityTokenCount(modality="SMELL", token_count=34),),
)


class Page(HTMLParser):
    """The elements of some HTML, the addresses in it, its table cells, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.attributes: set[str] = set()
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attributes}
        self.addresses += [value for name, value in attributes if name in ("src", "href")]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        self.text += data
        if self.tags[-1] in ("td", "th"):
            self.rows[-1][-1] += data

    @property
    def sound(self) -> tuple[int, bytes]:
        """Rate and samples of its only player."""
        (address,) = self.addresses
        with wave.open(io.BytesIO(base64.b64decode(address.removeprefix("data:audio/wav;base64,")))) as file:
            assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
            return file.getframerate(), file.readframes(file.getnframes())


def shown(value: object) -> Page:
    return Page(value._repr_mimebundle_()["text/html"])


def said(*parts: Part, **fields: object) -> LiveServerContent:
    return LiveServerContent(model_turn=Content(role="model", parts=parts), **fields)


def test_a_turn_shows_who_said_what_a_player_and_how_many_tokens():
    page = shown(Turn(text="Hello", input_transcript="Hi", audio=SECOND, usage=USAGE, complete=True))
    assert "You: Hi" in page.text
    assert "Model: Hello" in page.text
    assert page.sound == (24_000, SECOND)
    assert "1,239 tokens" in page.text


def test_prices_are_not_set_as_formulas():
    html = Turn(text="From $5 to $6", complete=True)._repr_mimebundle_()["text/html"]
    assert re.fullmatch(r'<div class="tex2jax_ignore mathjax_ignore">.*\$5 to \$6.*</div>', html)


def test_a_turn_is_played_at_its_own_rate():
    assert shown(Turn(audio=PcmAudio(SECOND, 16_000))).sound == (16_000, SECOND)


def test_usage_is_a_table_by_kind_with_its_sums():
    assert shown(USAGE).rows == [
        ["tokens", "input", "output", "all"],
        ["audio", "1200", "", ""],
        ["smell", "", "34", ""],
        ["thoughts", "", "5", ""],
        ["all", "1200", "34", "1239"],
    ]


def test_calls_stand_beside_their_answers_and_those_without_one_wait():
    done, waiting = FunctionCall(name="add", args={"a": 1}, id="1"), FunctionCall(name="ask_me", id="2")
    result = ToolResult(call=done, response={"output": 3}, seconds=0.5)
    page = shown(Turn(function_calls=(done, waiting), tool_results=(result,)))
    assert page.rows[1:] == [["add(a=1)", "output: 3", "0.50 s"], ["ask_me()", "waits for an answer", ""]]


@pytest.mark.parametrize(
    ("turn", "remark"),
    [
        (Turn(text="Well,", interrupted=True, complete=True), "Interrupted by the user."),
        (Turn(text="Well,"), "Not complete."),
        (Turn(complete=True), "Nothing was said."),
        (Turn(text="Well,", complete=True, turn_complete_reason="RESPONSE_REJECTED"), "because of response rejected."),
        (
            Turn(text="Well,", complete=True, problems=(ProtocolError("no JSON", data=b"?"),)),
            "Could not be read: no JSON",
        ),
    ],
    ids=["interrupted", "not complete", "empty", "with a reason", "with a problem"],
)
def test_a_turn_that_did_not_just_end_says_so(turn, remark):
    assert remark in shown(turn).text


def test_thoughts_are_folded_away():
    page = shown(Turn(thoughts="Hm.", text="Yes.", complete=True))
    assert page.tags[:4] == ["div", "details", "summary", "p"]
    assert "Hm." in page.text


HOSTILE_VALUES = {
    "turn": Turn(
        text=HOSTILE, thoughts=HOSTILE, input_transcript=HOSTILE, output_transcript=HOSTILE + "!", audio=SECOND,
        function_calls=(FunctionCall(name=HOSTILE, args={HOSTILE: HOSTILE}),), complete=True,
        tool_results=(ToolResult(call=FunctionCall(name=HOSTILE), response={HOSTILE: HOSTILE}),),
        turn_complete_reason=HOSTILE, problems=(ProtocolError(HOSTILE, data=b"?"),), usage=UsageMetadata(
            prompt_tokens_details=(ModalityTokenCount(modality=HOSTILE, token_count=1),)),
    ),
    "message": said(
        Part(text=HOSTILE), Part(text=HOSTILE, thought=True), Part.from_bytes(b"x", HOSTILE),
        Part.from_bytes(b"x", f"image/png{HOSTILE}"), Part.from_bytes(SECOND, f"audio/pcm;{HOSTILE}"),
        output_transcription=Transcription(text=HOSTILE), input_transcription=Transcription(text=HOSTILE),
        turn_complete_reason=HOSTILE,
    ),
    "blob": GenerativeContentBlob(mime_type=f"image/png;{HOSTILE}", data=b"x", display_name=HOSTILE),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE_VALUES)
def test_what_the_model_says_cannot_become_markup(kind):
    page = shown(HOSTILE_VALUES[kind])
    assert set(page.tags) <= OURS
    assert page.attributes <= {"class", "controls", "preload", "src", "type", "alt"}
    assert all(address.startswith("data:") for address in page.addresses)
    assert "<script>" in page.text


def test_half_a_surrogate_pair_from_the_model_can_be_sent_to_the_browser():
    bundle = Turn(text="\ud83d", complete=True)._repr_mimebundle_()
    assert all(text.encode("utf-8") for text in bundle.values())


def test_a_message_shows_its_piece_of_sound_its_words_and_its_news():
    message = said(
        Part.from_bytes(SECOND, "audio/pcm;rate=24000"),
        output_transcription=Transcription(text="Hello"),
        interrupted=True,
        turn_complete=True,
        usage_metadata=USAGE,
    )
    page = shown(message)
    assert page.sound == (24_000, SECOND)
    assert "Spoken: Hello" in page.text
    assert "interrupted, turn complete" in page.text
    assert "1,239 tokens" in page.text


def test_a_message_shows_an_image_that_the_model_made():
    assert shown(said(Part.from_bytes(b"png", "image/png"))).addresses == ["data:image/png;base64,cG5n"]


def test_an_empty_message_says_so():
    assert shown(LiveServerContent()).text == "Nothing to be shown."


@pytest.mark.parametrize(
    ("media_type", "rate"), [("audio/pcm", 16_000), ("audio/pcm;rate=24000", 24_000), ("audio/pcm; rate=8000", 8_000)]
)
def test_a_blob_of_pcm_is_played_at_the_rate_that_its_type_states(media_type, rate):
    assert shown(GenerativeContentBlob(mime_type=media_type, data=SECOND)).sound == (rate, SECOND)


@pytest.mark.parametrize(("media_type", "tag"), [("audio/mpeg", "audio"), ("image/jpeg", "img")])
def test_a_blob_of_encoded_media_is_given_to_the_browser_as_it_is(media_type, tag):
    page = shown(GenerativeContentBlob(mime_type=media_type, data=b"abc"))
    assert page.addresses == [f"data:{media_type};base64,YWJj"]
    assert tag in page.tags


@pytest.mark.parametrize("media_type", ["application/pdf", "text/html", "video/mp4", ""])
def test_a_blob_of_another_type_says_what_it_is(media_type):
    page = shown(GenerativeContentBlob(mime_type=media_type, data=b"abc"))
    assert page.text == f"3 bytes of {media_type or 'no type'}"
    assert page.addresses == []


def test_what_is_too_large_for_a_notebook_says_how_large_it_is():
    assert shown(GenerativeContentBlob(mime_type="image/png", data=bytes(9_000_000))).text == (
        "9,000,000 bytes of image/png"
    )


def test_long_sound_is_played_for_two_minutes_and_says_how_all_of_it_is_saved():
    page = shown(PcmAudio(SECOND * 600))
    assert page.sound == (24_000, SECOND * 120)
    assert "The first 2 of 10.0 minutes; livesession.audio.write_wav(path, audio, rate) saves all of it." in page.text


def test_a_wav_file_plays_itself(tmp_path):
    write_wav(tmp_path / "question.wav", SECOND, 16_000)
    page = shown(WavFile(tmp_path / "question.wav"))
    assert page.sound == (16_000, SECOND)
    assert "question.wav" in page.text


def test_a_wav_file_that_is_gone_is_shown_as_plain_text(tmp_path):
    write_wav(tmp_path / "question.wav", SECOND, 16_000)
    file = WavFile(tmp_path / "question.wav")
    (tmp_path / "question.wav").unlink()
    assert file._repr_mimebundle_() == {"text/plain": repr(file)}


def test_a_value_that_cannot_be_played_is_shown_as_plain_text():
    turn = Turn(audio=PcmAudio(SECOND, 1 << 40))
    assert turn._repr_mimebundle_() == {"text/plain": repr(turn)}


def test_the_plain_text_is_the_repr_which_holds_no_samples():
    plain = Turn(text="Hello", audio=PcmAudio(SECOND), complete=True)._repr_mimebundle_()["text/plain"]
    assert plain == "Turn(text='Hello', audio=<48000 bytes>, complete=True)"


def test_only_what_is_wanted_is_made():
    turn = Turn(text="Hello")
    assert list(turn._repr_mimebundle_(include={"text/plain"})) == ["text/plain"]
    assert list(turn._repr_mimebundle_(exclude={"text/plain"})) == ["text/html"]
    assert list(turn._repr_mimebundle_(include={"text/html", "text/plain"}, exclude={"text/html"})) == ["text/plain"]


def test_audio_that_knows_its_rate_is_played_at_it():
    assert shown(PcmAudio(SECOND, 16_000)).sound == (16_000, SECOND)


def test_silence_of_no_length_says_so():
    assert shown(PcmAudio()).text == "No sound."


def test_showing_a_value_imports_neither_ipython_nor_an_extra():
    code = (
        "import sys; from livesession import Turn; assert 'livesession.notebook.html_values' not in sys.modules\n"
        "assert 'audio controls' in Turn(audio=bytes(4800))._repr_mimebundle_()['text/html']\n"
        "print(sorted({'IPython', 'numpy', 'soxr', 'sounddevice'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_turn_that_a_cell_ends_with_is_shown_with_a_player_by_a_real_kernel(kernel):
    cell = kernel.run("Turn(text='Hello', audio=PcmAudio(bytes(4800)), complete=True)")
    assert re.search(r'<audio controls preload="metadata"><source src="data:audio/wav;base64,', cell.shown["text/html"])
    assert cell.shown["text/plain"] == "Turn(text='Hello', audio=<4800 bytes>, complete=True)"


def test_the_audio_of_a_turn_is_shown_as_a_player_and_not_as_a_page_of_bytes(kernel):
    kernel.run("session = LiveGenerativeModel('gemini-live-2.5-flash', backend=emulator.backend()).connect()")
    cell = kernel.run("session.ask('Hello').audio")
    assert "<audio controls" in cell.shown["text/html"]
    assert re.fullmatch(r"<PcmAudio, \d\.\d s, 24000 Hz>", cell.shown["text/plain"])
