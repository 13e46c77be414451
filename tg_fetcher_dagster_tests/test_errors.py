"""What becomes of work that ended with an error."""

from tg_fetcher_dagster.errors import RETRYABLE, SORTS, ErrorSort, ErrorType, waits


def test_each_error_has_one_sort() -> None:
    assert set(SORTS) == set(ErrorType)


def test_a_state_that_passes_is_waited_for_and_uses_up_no_try() -> None:
    assert {each for each in ErrorType if waits(each)} == {
        ErrorType.AUTH,
        ErrorType.RATE_LIMIT,
        ErrorType.ACCOUNT_BUSY,
        ErrorType.TELEGRAM_AWAY,
        ErrorType.STORAGE,
    }


def test_what_no_try_helps_is_never_called_retryable() -> None:
    assert not {each for each in RETRYABLE if SORTS[each] in {ErrorSort.DEAD_LETTERED, ErrorSort.ALARMED}}
