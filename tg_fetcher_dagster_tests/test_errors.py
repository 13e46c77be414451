"""What becomes of work that ended with an error."""

from tg_fetcher_dagster.errors import RETRYABLE, SORTS, WHAT_TO_DO, ErrorSort, ErrorType, advice, waits


def test_each_error_has_one_sort() -> None:
    assert set(SORTS) == set(ErrorType)


def test_each_error_says_in_one_line_what_a_person_should_do() -> None:
    assert set(WHAT_TO_DO) == set(ErrorType)
    for said in WHAT_TO_DO.values():
        assert "\n" not in said
        assert not said.endswith(".")


def test_advice_names_the_sorts_where_there_is_more_than_one() -> None:
    auth, network = ErrorType.AUTH, ErrorType.NETWORK
    assert advice([auth, auth]) == WHAT_TO_DO[auth]
    assert advice([auth, network, auth]) == f"[auth] {WHAT_TO_DO[auth]}; [network] {WHAT_TO_DO[network]}"
    assert advice([]) == ""


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
