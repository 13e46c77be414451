"""Posts of Telegram's rich editor read like any message: words, entities, links, tokens."""

import pytest
from telethon.tl import types

from tg_fetcher_dagster_tests.messages.raw import NOON, mapped, message

EMPTY = types.TextEmpty()


def words(text):
    return types.TextPlain(text)


def paragraph(*parts):
    return types.PageBlockParagraph(parts[0] if len(parts) == 1 else types.TextConcat(list(parts)))


def caption(text, credit=EMPTY):
    return types.PageCaption(text=words(text), credit=credit)


def rich(*blocks, text="", **fields):
    content = types.RichMessage(blocks=list(blocks), photos=[], documents=[])
    for name, value in fields.items():
        setattr(content, name, value)
    return mapped(message(text=text, rich_message=content))


def text_of(*blocks):
    return rich(*blocks)["text"]


def test_a_rich_messages_words_are_its_text_and_it_is_marked():
    got = rich(paragraph(words("Does anybody know where the docs are?")))
    assert got["text"] == "Does anybody know where the docs are?"
    assert got["token_count"] > 0
    assert got["lang"] == "en"
    assert got["message_type"] == "question"
    assert got["rich"] is True
    assert "rich_partial" not in got


def test_one_that_came_in_part_says_so():
    assert rich(paragraph(words("a")), part=True)["rich_partial"] is True


def test_blocks_stand_apart_and_empty_ones_leave_no_gap():
    blocks = [paragraph(EMPTY), types.PageBlockDivider(), paragraph(words("one"))]
    assert text_of(types.PageBlockTitle(words("Title")), *blocks) == "Title\n\none"


def test_formatting_becomes_entities_in_utf_16_units():
    got = rich(
        paragraph(words("😀 "), types.TextBold(types.TextItalic(words("bold")))),
        types.PageBlockPreformatted(words("x = 1"), "python"),
    )
    assert got["text"] == "😀 bold\n\nx = 1"
    assert got["entities"] == [
        {"type": "italic", "offset": 3, "length": 4},
        {"type": "bold", "offset": 3, "length": 4},
        {"type": "pre", "offset": 9, "length": 5, "language": "python"},
    ]


def test_links_of_texts_buttons_embeds_and_pictures_are_normalized_links():
    button = types.PageButton(words("Go"), types.InlineButtonTypeUrl("https://e.com/c"))
    article = types.PageRelatedArticle("https://e.com/f", 1, "An article")
    got = rich(
        paragraph(types.TextUrl(words("here"), "https://EXAMPLE.com/a", 0)),
        paragraph(types.TextAutoUrl(words("example.com/b"))),
        paragraph(words("or www.example.com/unmarked")),
        types.PageBlockButtonRow([button]),
        types.PageBlockEmbed(caption("a film"), url="https://e.com/d"),
        types.PageBlockPhoto(5, caption("a picture"), url="https://e.com/e", webpage_id=1),
        types.PageBlockRelatedArticles(words("More"), [article]),
    )  # fmt: skip
    assert got["normalized_links"] == [
        "https://example.com/a", "https://example.com/b", "https://e.com/c",
        "https://e.com/d", "https://e.com/e", "https://e.com/f",
    ]  # fmt: skip


def test_lists_show_bullets_numbers_and_boxes_and_may_be_nested():
    inner = types.PageBlockOrderedList(
        [types.PageListOrderedItemText(words("first")), types.PageListOrderedItemText(words("second"))]
    )
    items = [
        types.PageListItemText(words("milk"), checkbox=True, checked=True),
        types.PageListItemText(words("bread"), checkbox=True),
        types.PageListItemBlocks([paragraph(words("steps")), inner]),
    ]
    assert text_of(types.PageBlockList(items)) == (
        "• [x] milk\n• [ ] bread\n• steps\n  1. first\n  2. second"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("block", "numbers"),
    [
        ({}, ["1.", "2.", "3."]),
        ({"start": 5}, ["5.", "6.", "7."]),
        ({"reversed": True}, ["3.", "2.", "1."]),
        ({"start": 9, "reversed": True}, ["9.", "8.", "7."]),
    ],
)
def test_numbers_of_ordered_lists(block, numbers):
    items = [types.PageListOrderedItemText(words("x")) for _ in range(3)]
    text = text_of(types.PageBlockOrderedList(items, **block))
    assert [line.split()[0] for line in text.splitlines()] == numbers


def test_an_item_may_have_a_number_of_its_own():
    items = [
        types.PageListOrderedItemText(words("a"), value=4),
        types.PageListOrderedItemText(words("b"), num="4b"),
    ]
    assert text_of(types.PageBlockOrderedList(items)) == "4. a\n4b. b"


def test_a_table_is_a_line_a_row():
    def row(*cells):
        return types.PageTableRow([types.PageTableCell(text=words(cell) if cell else None) for cell in cells])

    table = types.PageBlockTable(words("Prices"), [row("tea", "2"), row("", "3")])
    assert text_of(table) == "Prices\ntea | 2\n | 3"


def test_quotes_details_and_captions_keep_every_part():
    assert text_of(
        types.PageBlockBlockquote(words("to be"), words("Hamlet")),
        types.PageBlockPullquote(words("or not"), words("again")),
        types.PageBlockBlockquoteBlocks([paragraph(words("one")), paragraph(words("two"))], words("both")),
        types.PageBlockDetails([paragraph(words("hidden"))], words("Unfold")),
        types.PageBlockCover(types.PageBlockPhoto(1, caption("a view", words("Anna")))),
        types.PageBlockCollage([types.PageBlockVideo(1, caption("film"))], caption("all")),
        types.PageBlockSlideshow([types.PageBlockAudio(2, caption("song"))], caption("slides")),
        types.PageBlockDocument(3, caption("file")),
    ) == (
        "to be\nHamlet\n\nor not\nagain\n\none\ntwo\nboth\n\nUnfold\nhidden\n\na view\nAnna\n\nfilm\nall\n\n"
        "song\nslides\n\nfile"
    )  # fmt: skip


def test_who_wrote_a_page_a_post_elsewhere_and_related_articles():
    post = types.PageBlockEmbedPost(
        "https://e.com/p", 1, 2, "Boris", NOON, [paragraph(words("a post"))], caption("seen there")
    )
    article = types.PageRelatedArticle("https://e.com/a", 1, "Title", "About it", None, "Carl", NOON)
    got = rich(
        types.PageBlockAuthorDate(words("Anna"), NOON),
        post,
        types.PageBlockRelatedArticles(words("More"), [article]),
    )
    assert got["text"] == (
        "Anna, 2025-11-07T12:00:00Z\n\nBoris, 2025-11-07T12:00:00Z\na post\nseen there\n\n"
        "More\nTitle\nAbout it\nCarl, 2025-11-07T12:00:00Z"
    )  # fmt: skip


def test_a_channel_a_map_and_a_formula():
    channel = types.Channel(
        id=9, title="News", photo=types.ChatPhotoEmpty(), date=NOON, username="news", access_hash=77
    )
    got = rich(
        types.PageBlockChannel(channel),
        types.PageBlockMap(
            types.GeoPoint(long=30.5, lat=59.9, access_hash=88), 12, 600, 400, caption("here")
        ),
        types.PageBlockMath("e = mc^2"),
    )
    assert got["text"] == "News @news\n\nhere\n\ne = mc^2"
    by_type = {entity["type"]: entity for entity in got["entities"]}
    assert by_type["channel"]["more"]["channel"] == {
        "type": "channel", "id": -1_000_000_000_009, "title": "News", "username": "news"
    }  # fmt: skip
    assert by_type["map"]["more"]["geo"] == {"type": "geo_point", "long": 30.5, "lat": 59.9}
    assert (by_type["math"]["offset"], by_type["math"]["length"]) == (18, 8)


def test_people_dates_emoji_changes_and_buttons_in_a_line():
    got = rich(
        paragraph(
            types.TextMentionName(words("Anna"), 7),
            words(" "),
            types.TextCustomEmoji(2**60, "🐍"),
            words(" "),
            types.TextDiff(words("new"), types.TextBold(words("old"))),
            words(" "),
            types.TextButton(words("Buy"), types.InlineButtonTypeCopy("code 5")),
            words(" "),
            types.TextEmail(words("write"), "a@b.org"),
        )
    )
    assert got["text"] == "Anna 🐍 new Buy write"
    by_type = {entity["type"]: entity for entity in got["entities"]}
    assert by_type["mention_name"]["user_id"] == 7
    assert by_type["custom_emoji"]["document_id"] == str(2**60)
    assert by_type["diff_replace"]["more"]["old_text"] == "old"
    assert by_type["button"]["more"] == {"button": "copy", "copy_text": "code 5"}
    assert by_type["email"]["more"] == {"email": "a@b.org"}


def test_photos_and_files_of_a_rich_message_are_its_media_and_stand_at_their_place():
    photo = types.Photo(id=2**60, access_hash=1, file_reference=b"", date=NOON, sizes=[], dc_id=2)
    name = types.DocumentAttributeFilename("notes.pdf")
    file = types.Document(2**61, 1, b"", NOON, "application/pdf", 5, 2, [name])
    got = rich(
        paragraph(words("above")), types.PageBlockPhoto(2**60, caption("")), photos=[photo], documents=[file]
    )
    assert got["rich_media"] == [
        {"type": "photo", "photo_id": str(2**60)},
        {"type": "document", "document_id": str(2**61), "mime_type": "application/pdf", "size": 5,
         "file_name": "notes.pdf"},
    ]  # fmt: skip
    assert got["entities"] == [
        {"type": "photo", "offset": 5, "length": 0, "more": {"photo_id": str(2**60)}}
    ]  # fmt: skip


def test_a_message_that_has_words_of_both_kinds_keeps_both():
    got = rich(paragraph(types.TextBold(words("rich"))), text="plain 😀")
    assert got["text"] == "plain 😀\n\nrich"
    assert got["entities"] == [{"type": "bold", "offset": 10, "length": 4}]
    assert rich(paragraph(words("same")), text="same")["text"] == "same"


def test_a_block_of_a_newer_layer_gives_its_words_all_the_same():
    value = message(text="")
    value["rich_message"] = {
        "_": "RichMessage",
        "blocks": [
            {
                "_": "PageBlockHologram",
                "depth": 3,
                "label": {"_": "TextShiny", "text": {"_": "TextPlain", "text": "words"}, "colour": "red"},
                "parts": [{"_": "PageBlockParagraph", "text": {"_": "TextPlain", "text": "below"}}],
            }
        ],
    }
    got = mapped(value)
    assert got["text"] == "words\nbelow"
    assert got["entities"] == [
        {"type": "hologram", "offset": 0, "length": 11, "more": {"depth": 3}},
        {"type": "shiny", "offset": 0, "length": 5, "more": {"colour": "red"}},
    ]


def test_a_block_that_this_layer_cannot_show_leaves_a_mark():
    assert rich(types.PageBlockUnsupported())["entities"] == [
        {"type": "unsupported", "offset": 0, "length": 0}
    ]


def test_the_article_of_a_link_preview_is_read_too():
    page = types.Page(
        url="https://telegra.ph/x", part=True, photos=[], documents=[], views=9,
        blocks=[paragraph(types.TextUrl(words("words"), "https://e.com/a", 0))],
    )  # fmt: skip
    preview = types.WebPage(
        id=1, url="https://telegra.ph/x", display_url="telegra.ph/x", hash=0, title="T", author="Anna",
        cached_page=page,
    )  # fmt: skip
    got = mapped(message(media=types.MessageMediaWebPage(preview)))["media"]
    assert got == {
        "type": "webpage",
        "url": "https://telegra.ph/x",
        "title": "T",
        "author": "Anna",
        "article": {
            "text": "words",
            "links": ["https://e.com/a"],
            "url": "https://telegra.ph/x",
            "entities": [{"type": "text_url", "offset": 0, "length": 5, "url": "https://e.com/a"}],
            "partial": True,
            "views": 9,
        },
    }
