"""What a client asks about the service itself: its configuration, where it is, its texts."""

from datetime import timedelta

from telethon.tl import functions, types

from tg_fetcher_sandbox.clock import Clock
from tg_fetcher_sandbox.rpc import Answer, Caller, Dispatcher, Request

DC_ID = 2
"""Telethon goes to data centre 2 first; with the same number in the answers it never looks for another."""

_LIMITS = {
    "chat_size_max": 200,
    "megagroup_size_max": 200_000,
    "forwarded_count_max": 100,
    "online_update_period_ms": 210_000,
    "offline_blur_timeout_ms": 5_000,
    "offline_idle_timeout_ms": 30_000,
    "online_cloud_timeout_ms": 300_000,
    "notify_cloud_delay_ms": 30_000,
    "notify_default_delay_ms": 1_500,
    "push_chat_period_ms": 60_000,
    "push_chat_limit": 2,
    "edit_time_limit": 172_800,
    "revoke_time_limit": 2_147_483_647,
    "revoke_pm_time_limit": 2_147_483_647,
    "rating_e_decay": 2_419_200,
    "stickers_recent_limit": 200,
    "channels_read_media_period": 604_800,
    "call_receive_timeout_ms": 20_000,
    "call_ring_timeout_ms": 90_000,
    "call_connect_timeout_ms": 30_000,
    "call_packet_timeout_ms": 10_000,
    "caption_length_max": 1_024,
    "message_length_max": 4_096,
}


class ServiceMethods:
    """The `help.*` methods that clients call before they do anything else.

    Args:
        host: the address that every data centre is said to have.
        port: the port of the running server.
        clock: the server's.
    """

    def __init__(self, *, host: str, port: int, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._host = host
        self._port = port

    def register(self, dispatcher: Dispatcher) -> None:
        """Lets the dispatcher answer with these methods."""
        dispatcher.register(functions.help.GetConfigRequest, self.get_config)
        dispatcher.register(functions.help.GetNearestDcRequest, self.get_nearest_dc)
        dispatcher.register(functions.help.GetAppConfigRequest, self.get_app_config)
        dispatcher.register(functions.help.GetTermsOfServiceUpdateRequest, self.get_terms_of_service_update)
        dispatcher.register(functions.help.GetCdnConfigRequest, self.get_cdn_config)
        dispatcher.register(functions.langpack.GetLangPackRequest, self.get_lang_pack)

    def get_config(self, _request: Request, _caller: Caller) -> Answer:
        """Says that this is data centre 2 and that there is no other."""
        now = self._clock.now()
        return types.Config(
            date=now,
            expires=now + timedelta(hours=1),
            test_mode=False,
            this_dc=DC_ID,
            dc_options=[types.DcOption(id=DC_ID, ip_address=self._host, port=self._port, static=True)],
            dc_txt_domain_name="invalid",
            me_url_prefix="https://t.me/",
            webfile_dc_id=DC_ID,
            **_LIMITS,
        )

    def get_nearest_dc(self, _request: Request, _caller: Caller) -> Answer:
        """Says that the nearest data centre is this one."""
        return types.NearestDc(country="XX", this_dc=DC_ID, nearest_dc=DC_ID)

    def get_app_config(self, request: Request, _caller: Caller) -> Answer:
        """Gives the application's settings; an account that is not frozen has no `freeze_*` among them."""
        if request.hash == 1:
            return types.help.AppConfigNotModified()
        settings = {"authorization_autoconfirm_period": 604_800, "reactions_user_max_default": 1}
        return types.help.AppConfig(
            hash=1,
            config=types.JsonObject(
                value=[
                    types.JsonObjectValue(key=key, value=types.JsonNumber(value=float(value)))
                    for key, value in settings.items()
                ]
            ),
        )

    def get_terms_of_service_update(self, _request: Request, _caller: Caller) -> Answer:
        """Says that there are no new terms."""
        return types.help.TermsOfServiceUpdateEmpty(expires=self._clock.now() + timedelta(days=1))

    def get_cdn_config(self, _request: Request, _caller: Caller) -> Answer:
        """Says that there is no CDN."""
        return types.CdnConfig(public_keys=[])

    def get_lang_pack(self, request: Request, _caller: Caller) -> Answer:
        """Gives no texts: an unchanged language pack."""
        return types.LangPackDifference(
            lang_code=request.lang_code or "en", from_version=1, version=1, strings=[]
        )
