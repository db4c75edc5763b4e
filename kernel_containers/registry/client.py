"""One registry: requests with authorization, and errors that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from kernel_containers.registry.addresses import origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.registry.answers import Answer, Call, Peer
    from kernel_containers.registry.authorization import Authorizer
    from kernel_containers.registry.ecr import Ecr
    from kernel_containers.registry.settings import RegistrySettings
    from kernel_containers.registry.stop import Stop
    from kernel_containers.registry.transport import Transport

CLEAN_UP_TIMEOUT = 5.0  # seconds; nobody waits longer for a courtesy


class Registry:
    """A registry's host with its kept connections. Threads and operations may share it.

    When one operation is cancelled, requests of others on the same object are sent again.
    """

    def __init__(self, transport: Transport, authorizer: Authorizer, ecr: Ecr | None) -> None:
        self.transport = transport
        self.ecr = ecr
        self._authorizer = authorizer

    @property
    def host(self) -> str:
        """As it stands in image references."""
        return self.transport.host

    @property
    def settings(self) -> RegistrySettings:
        """What it was opened with."""
        return self.transport.settings

    @property
    def peer(self) -> Peer:
        """Whom errors are about."""
        return self._authorizer.peer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.transport.close()
        if self.ecr:
            self.ecr.close()

    def ask(self, call: Call, stop: Stop, *expected: int) -> Answer:
        """Return the answer to a call, sent again after what may pass.

        Raises:
            Unauthorized, NotFound, Refused, TryAgain, Unavailable: the answer has a status that
                is not `expected`.
            Stopped: the operation is over.
        """
        answer = self.transport.retrying(call, stop, lambda: self.try_once(call, stop))
        if answer.status not in expected:
            raise self.peer.error_for(call, answer)
        return answer

    def try_once(self, call: Call, stop: Stop) -> Answer:
        """Return the answer to a call, whatever it is; only an expired login is renewed.

        Raises:
            httpx.RequestError: no answer came.
        """
        return self.authorized(
            call, stop, lambda authorization: self.transport.once(call, authorization)
        )

    def authorized(self, call: Call, stop: Stop, send: Callable[[str | None], Answer]) -> Answer:
        """Return what `send` gets with the header that it is called with.

        A refusal is answered once with another header; the second one stands.
        """
        foreign = "://" in call.url and origin(call.url) != origin(self.transport.url)
        header = None if foreign else self._authorizer.header(call.scope)
        answer = send(header)
        if foreign or not self._authorizer.must_renew(answer):
            return answer
        renewed = self._authorizer.renew(answer, call.scope, header, stop)
        return answer if renewed is None else send(renewed)

    def forget(self, call: Call) -> None:
        """Send a call whose answer does not matter, once and not for long."""
        header = self._authorizer.header(call.scope)
        self.transport.once(call, header, timeout=CLEAN_UP_TIMEOUT)
