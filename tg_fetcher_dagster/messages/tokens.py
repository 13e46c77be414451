"""How many tokens a language model will read: an estimate without a tokenizer.

Formula: ASCII characters / 4 + Cyrillic letters / 2.5 + everything else (emoji, other scripts), rounded up.
4 characters a token is the rule of thumb that tokenizers' makers give for English; Russian words are cut
finer, at two to three letters a token, and a character of another kind seldom shares a token.
"""

from tg_fetcher_dagster.messages.letters import Letters


def estimate_tokens(letters: Letters) -> int:
    """Returns the estimate: 0 for no text, at least 1 for any.

    >>> from tg_fetcher_dagster.messages.letters import count_letters
    >>> estimate_tokens(count_letters("Hello, world"))
    3
    >>> estimate_tokens(count_letters("Привет"))
    3
    """
    # In twentieths of a token, so that whole numbers decide and every machine rounds alike.
    twentieths = 5 * letters.ascii + 8 * letters.cyrillic + 20 * letters.rest
    return -(-twentieths // 20)
