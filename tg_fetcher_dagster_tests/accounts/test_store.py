"""Sessions at rest: encrypted, readable for nobody else, and out of use once Telegram refuses them."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.errors import ErrorType, FetchError

SESSION = "1" + "A" * 352


def test_an_account_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    store = AccountStore(tmp_path / "sessions")

    store.save("main", SESSION, user_id=5, display_name="Anna", phone="+79991234567")
    kept = AccountStore(tmp_path / "sessions").load("main")

    assert kept.session.get_secret_value() == SESSION
    assert (kept.user_id, kept.display_name) == (5, "Anna")
    assert kept.phone is not None
    assert kept.phone.get_secret_value() == "+79991234567"
    assert SESSION not in repr(kept)
    assert store.names() == ["main"]


def test_nothing_readable_lies_on_the_disk(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    AccountStore(folder).save("main", SESSION, phone="+79991234567")

    assert folder.stat().st_mode & 0o777 == 0o700
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
        assert SESSION.encode() not in path.read_bytes()
        assert b"79991234567" not in path.read_bytes()


def test_a_missing_account_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"no account 'main' in .*: run tg-fetcher init") as failure:
        AccountStore(tmp_path).load("main")
    assert failure.value.error_type is ErrorType.AUTH


def test_another_key_does_not_open_the_session(tmp_path: Path) -> None:
    first, second = (SecretStr(Fernet.generate_key().decode()) for _ in range(2))
    AccountStore(tmp_path, first).save("main", SESSION)

    with pytest.raises(FetchError, match="SESSION_KEY") as failure:
        AccountStore(tmp_path, second).load("main")
    assert failure.value.error_type is ErrorType.AUTH

    both = SecretStr(f"{second.get_secret_value()},{first.get_secret_value()}")
    assert AccountStore(tmp_path, both).load("main").session.get_secret_value() == SESSION


def test_a_bad_key_is_refused_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="SESSION_KEY") as failure:
        AccountStore(tmp_path, SecretStr("not-a-key")).save("main", SESSION)

    assert failure.value.error_type is ErrorType.VALIDATION
    assert "not-a-key" not in failure.value.message


@pytest.mark.parametrize("name", ["", "../main", "Main", "a" * 33, "a.b"])
def test_names_are_safe_for_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(FetchError, match="allowed are") as failure:
        AccountStore(tmp_path).save(name, SESSION)
    assert failure.value.error_type is ErrorType.VALIDATION


def test_a_removed_account_leaves_nothing_but_the_key(tmp_path: Path) -> None:
    store = AccountStore(tmp_path)
    store.save("main", SESSION)
    assert store.remove("main")

    assert [path.name for path in tmp_path.iterdir()] == [".key"]
    assert not store.remove("main")


def test_a_folder_that_cannot_be_made_is_a_storage_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(FetchError) as failure:
        AccountStore(tmp_path / "file" / "sessions").save("main", SESSION)
    assert failure.value.error_type is ErrorType.STORAGE


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o777])
def test_a_folder_that_others_may_enter_is_refused_with_its_mode(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "sessions"
    AccountStore(folder).save("main", SESSION)
    folder.chmod(mode)

    with pytest.raises(FetchError, match=rf"mode {mode:04o}\).*: chmod 700 {folder}$") as failure:
        AccountStore(folder).load("main")
    assert failure.value.error_type is ErrorType.AUTH

    folder.chmod(0o700)
    assert AccountStore(folder).load("main").name == "main"


def test_whoever_signs_in_closes_the_folder_again(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    AccountStore(folder).save("main", SESSION)
    folder.chmod(0o755)

    AccountStore(folder).save("main", SESSION)

    assert folder.stat().st_mode & 0o777 == 0o700
    assert AccountStore(folder).load("main").name == "main"


@pytest.mark.parametrize("key", [b"", b"not a key", b"\xff\x00\xfe", b"YkGMfhTLDEZUVVkveQ6G"])
def test_a_damaged_key_file_says_what_to_do(tmp_path: Path, key: bytes) -> None:
    store = AccountStore(tmp_path)
    store.save("main", SESSION)
    (tmp_path / ".key").write_bytes(key)

    for use in (lambda: store.load("main"), lambda: store.save("other", SESSION)):
        with pytest.raises(
            FetchError, match=r"\.key is damaged: put back a copy of it, or remove it"
        ) as failure:
            use()
        assert failure.value.error_type is ErrorType.AUTH
