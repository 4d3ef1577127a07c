"""How a hub behaves."""

from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSettings:
    """Settings of the embedded hub; but for the heartbeat, the defaults are hub v0.24.2's.

    Args:
        publisher_key: Key that publishers sign their tokens with (HS256).
        subscriber_key: Key that subscribers sign theirs with.
        anonymous: Whether one may listen to public updates without a token.
        cors_origins: Origins whose pages may use the hub from a browser; `*` for all.
        publish_origins: Origins whose pages may publish with a cookie; `*` for all, and one `*`
            inside an origin stands for anything.
        heartbeat_seconds: Silence after which a comment is sent; 0 for no heartbeats. The
            reference sends one after 40 s, which leaves its readers in doubt for as long.
        write_timeout_seconds: Longest life of a stream, which ends at 80–100 % of it, so that
            subscribers do not come back all at once; 0 for no end.
        dispatch_timeout_seconds: How long one write may take before its reader is given up; 0 for
            ever. Streams end this much before their time, as the hub's do.
        history_size: How many updates are kept for readers that come back; 0 for none.
        backlog: How many updates a reader may be behind before it is cut off.
        max_body_bytes: Longest publishing request.
    """

    publisher_key: SecretStr
    subscriber_key: SecretStr
    anonymous: bool = False
    cors_origins: tuple[str, ...] = ()
    publish_origins: tuple[str, ...] = ()
    heartbeat_seconds: float = 2.0
    write_timeout_seconds: float = 600.0
    dispatch_timeout_seconds: float = 5.0
    history_size: int = 5_000
    backlog: int = 1_000
    max_body_bytes: int = 10 * 2**20
