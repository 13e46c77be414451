"""The accounts of this host: one encrypted session file each in SESSION_DIR.

A session is full access to an account: files are mode 600 in a folder of mode 700 and encrypted with
SESSION_KEY, or with a key that is made once and kept beside them (`.key`), which protects copies of single
files but not of the folder.
"""

import stat
from datetime import UTC, datetime
from pathlib import Path

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import AwareDatetime, BaseModel, ConfigDict, SecretStr, ValidationError, field_serializer

from tg_fetcher_dagster.accounts.session_names import NAME, session_names
from tg_fetcher_dagster.durable_files import PRIVATE_FILE, write_once, write_whole
from tg_fetcher_dagster.errors import ErrorType, FetchError

log = structlog.get_logger(__name__)

OF_OTHERS = 0o077
"""The mode bits of group and others: SESSION_DIR has none of them."""


class StoredAccount(BaseModel):
    """A signed-in account as it is kept."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    session: SecretStr
    user_id: int | None = None
    display_name: str | None = None
    phone: SecretStr | None = None
    saved_at: AwareDatetime

    @field_serializer("session", "phone", when_used="json")
    def _shown_only_to_be_encrypted(self, value: SecretStr | None) -> str | None:
        return value.get_secret_value() if value is not None else None


class AccountStore:
    """The session files of one SESSION_DIR."""

    def __init__(self, session_dir: Path, session_key: SecretStr | None = None) -> None:
        """Takes the folder and SESSION_KEY: a Fernet key, or several with commas, the newest first."""
        self._folder = session_dir
        self._session_key = session_key

    def save(
        self,
        name: str,
        session: str,
        *,
        user_id: int | None = None,
        display_name: str | None = None,
        phone: str | None = None,
    ) -> StoredAccount:
        """Keeps a session.

        Raises:
            FetchError: (validation) a bad name or SESSION_KEY; (storage) the folder cannot be written.
        """
        account = StoredAccount(
            name=_checked(name),
            session=SecretStr(session),
            user_id=user_id,
            display_name=display_name,
            phone=SecretStr(phone) if phone else None,
            saved_at=datetime.now(UTC),
        )
        self.prepare()
        body = self._cipher().encrypt(account.model_dump_json().encode())
        write_whole(self._path(name), body, mode=PRIVATE_FILE)
        return account

    def load(self, name: str) -> StoredAccount:
        """Returns an account; whether it may be used says `restrictions.Restrictions`.

        Raises:
            FetchError: (auth) there is none with this name, its file does not open with the present key, or
                others than its owner may enter the folder.
        """
        path = self._path(_checked(name))
        self._require_private()
        try:
            body = path.read_bytes()
        except FileNotFoundError:
            raise FetchError(
                ErrorType.AUTH,
                f"no account {name!r} in {self._folder}: run tg-fetcher init,"
                f" or tg-fetcher accounts import --name {name} --session-string -",
            ) from None
        except OSError as error:
            raise FetchError(ErrorType.AUTH, f"account {name!r} cannot be read: {error}") from error
        try:
            return StoredAccount.model_validate_json(self._cipher().decrypt(body))
        except (InvalidToken, ValidationError):
            raise FetchError(
                ErrorType.AUTH,
                f"the session of account {name!r} does not open with the present key:"
                " set the SESSION_KEY that it was saved with, or sign in again",
            ) from None

    def names(self) -> list[str]:
        """Returns the accounts that are kept, sorted."""
        return session_names(self._folder)

    def remove(self, name: str) -> bool:
        """Forgets an account on this host; its session stays valid at Telegram until it is ended there.

        Returns:
            False if there was none.
        """
        path = self._path(_checked(name))
        existed = path.exists()
        path.unlink(missing_ok=True)
        return existed

    def prepare(self) -> None:
        """Makes the folder, for its owner only.

        Raises:
            FetchError: (storage) it cannot be made.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._folder.chmod(0o700)
        except OSError as error:
            raise FetchError(ErrorType.STORAGE, f"{self._folder} cannot be made private: {error}") from error

    def _require_private(self) -> None:
        """Refuses a folder that others may enter: it was opened by somebody, who should know of it."""
        try:
            mode = stat.S_IMODE(self._folder.stat().st_mode)
        except OSError:
            return  # what is asked for next says why
        if mode & OF_OTHERS:
            raise FetchError(
                ErrorType.AUTH,
                f"SESSION_DIR {self._folder} is open to other users of this host (mode {mode:04o}) and holds"
                f" sessions, each full access to an account: chmod 700 {self._folder}",
            )

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.session"

    def _cipher(self) -> MultiFernet:
        if self._session_key is None:
            return MultiFernet([self._kept_key()])
        try:
            keys = [part.strip() for part in self._session_key.get_secret_value().split(",") if part.strip()]
            return MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise FetchError(
                ErrorType.VALIDATION,
                "setting SESSION_KEY: must be a Fernet key, 32 bytes in URL-safe base64"
                " (the value is not shown)",
            ) from None

    def _kept_key(self) -> Fernet:
        """Returns the folder's own key, made at the first use.

        Raises:
            FetchError: (auth) the file holds no key; (storage) it cannot be read or made.
        """
        path = self._folder / ".key"
        try:
            if not path.exists():
                self.prepare()
                write_once(path, Fernet.generate_key(), mode=PRIVATE_FILE)
            return Fernet(path.read_bytes().strip())
        except OSError as error:
            raise FetchError(
                ErrorType.STORAGE, f"the key of {self._folder} cannot be kept: {error}"
            ) from error
        except ValueError:
            raise FetchError(
                ErrorType.AUTH,
                f"the key file {path} is damaged: put back a copy of it,"
                " or remove it and sign in again with tg-fetcher login",
            ) from None


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise FetchError(
            ErrorType.VALIDATION, f"account {name[:40]!r}: allowed are 1 to 32 of a-z, 0-9 and _"
        )
    return name
