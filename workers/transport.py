"""kombu's Redis transport, with a worker that goes on after an acknowledgement got no answer."""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis, virtual


class QoS(redis.QoS):
    """Counts a message as done even when Redis could not be told so: it comes again, and is nothing new then.

    kombu keeps counting it, and as a worker takes only so many at once, it never takes another one.
    """

    def ack(self, delivery_tag: Any) -> None:
        try:
            super().ack(delivery_tag)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(redis.Channel):
    QoS = QoS


class Transport(redis.Transport):
    Channel = Channel


def install() -> None:
    """Have every Redis address use this transport in this process."""
    for alias, name in TRANSPORT_ALIASES.items():
        if name == "kombu.transport.redis:Transport":
            TRANSPORT_ALIASES[alias] = f"{__name__}:Transport"
