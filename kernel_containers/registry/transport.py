"""HTTP to one registry: kept connections, redirects, retries. Threads may share it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import httpx

from kernel_containers._version import __version__
from kernel_containers.core.progress import LOOK
from kernel_containers.core.redaction import hide_user_info
from kernel_containers.errors import Unavailable
from kernel_containers.registry.addresses import follow, is_loopback, origin, split_host
from kernel_containers.registry.answers import Answer, Call
from kernel_containers.registry.retry import wait_after
from kernel_containers.registry.sockets import Sockets
from kernel_containers.registry.tls import is_distrust, is_not_tls

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from kernel_containers.registry.settings import RegistrySettings
    from kernel_containers.registry.stop import Stop

# ECR takes manifests of 4 MiB; no other JSON of a registry is larger.
LARGEST_ANSWER = 8 * 1024 * 1024
KEEP = 50.0  # seconds that an idle connection stays open; load balancers close after 60
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5


class Transport:
    """The connections to one registry, whose API begins at `url`."""

    def __init__(
        self, host: str, url: str, settings: RegistrySettings, context: ssl.SSLContext
    ) -> None:
        self.host = host
        self.url = url
        self.settings = settings
        self._sockets = Sockets()
        self._aborted: BaseException | None = None
        self._answered = threading.Event()
        # A proxy that the environment names can't reach this machine's loopback.
        direct = {f"all://{split_host(host)[0]}": None} if is_loopback(host) else None
        self._client = httpx.Client(
            verify=context,
            timeout=httpx.Timeout(settings.timeout, connect=settings.connect_timeout),
            limits=httpx.Limits(
                max_connections=2 * settings.concurrency + 4,
                max_keepalive_connections=settings.concurrency + 2,
                keepalive_expiry=KEEP,
            ),
            headers={
                "User-Agent": f"kernel-containers/{__version__}",
                # Layers are compressed already, and their digest is that of the bytes as stored.
                "Accept-Encoding": "identity",
            },
            mounts=direct,
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def greet(self, url: str, timeout: float) -> int:
        """Return the status with which a server at `url` answers who has no credentials.

        Raises:
            httpx.TransportError: there is none, or none that speaks this scheme.
        """
        late = threading.Timer(timeout, self.shut)  # for who sends a byte from time to time
        late.start()
        try:
            extensions = {"trace": self._sockets.trace}
            return self._client.get(f"{url}v2/", timeout=timeout, extensions=extensions).status_code
        finally:
            late.cancel()

    def shut(self) -> None:
        """End what is on its way in any thread; later calls open new connections."""
        self._sockets.shut()

    def abort(self, error: BaseException) -> None:
        """Let `error` end what is on its way in any thread, and whatever would be retried."""
        self._aborted = error
        self.shut()

    @contextmanager
    def opened(
        self, call: Call, authorization: str | None, *, timeout: float | None = None
    ) -> Iterator[httpx.Response]:
        """Send a request once and yield the answer, whose body is not read yet.

        Redirects of GET and HEAD are followed; `authorization` only goes to the registry itself.
        """
        url = urljoin(self.url, call.url)
        for _ in range(_MOST_REDIRECTS):
            response = self._client.send(
                self._request(call, url, authorization, timeout), stream=True
            )
            self._answered.set()
            location = response.headers.get("Location")
            if not (
                response.status_code in _REDIRECTS and location and call.method in {"GET", "HEAD"}
            ):
                break
            response.close()
            url = follow(url, location)
        else:
            raise Unavailable(f"{self.host} redirects without end when asked to {call.doing}.")
        try:
            yield response
        finally:
            response.close()

    def once(
        self, call: Call, authorization: str | None, *, timeout: float | None = None
    ) -> Answer:
        """Send a request once and return the answer with its body."""
        with self.opened(call, authorization, timeout=timeout) as response:
            return self.read(call, response)

    def read(self, call: Call, response: httpx.Response) -> Answer:
        """Return an opened answer with its body.

        Raises:
            Unavailable: the body is larger than anything a registry has to say.
        """
        body = bytearray()
        for block in response.iter_bytes():
            body += block
            if len(body) > LARGEST_ANSWER:
                raise Unavailable(
                    f"{self.host} sent more than {LARGEST_ANSWER} bytes when asked to {call.doing}."
                )
        return Answer(
            status=response.status_code,
            url=str(response.url),
            headers=response.headers,
            body=bytes(body),
        )

    def retrying(self, call: Call, stop: Stop, attempt: Callable[[], Answer]) -> Answer:
        """Return the first answer of `attempt` that is not transient, else the last one.

        Raises:
            Unavailable: the last attempt had no answer at all.
            Stopped: the operation is over.
            BaseException: what `abort` was given.
        """
        number = 0
        while True:
            number += 1
            self._check(stop)
            try:
                answer = attempt()
            except httpx.RequestError as error:
                self._check(stop)
                wait = wait_after(number, None, self.settings) if self._may_pass(error) else None
                if wait is None:
                    raise self._unreachable(call, error) from error
            else:
                if not answer.is_transient:
                    return answer
                wait = wait_after(number, answer.headers.get("Retry-After"), self.settings)
                if wait is None:
                    return answer
            self._wait(wait, stop)

    def _check(self, stop: Stop) -> None:
        stop.check()
        if self._aborted:
            raise self._aborted

    def _wait(self, seconds: float, stop: Stop) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._check(stop)
            stop.wait(min(left, LOOK))

    def _request(
        self, call: Call, url: str, authorization: str | None, timeout: float | None
    ) -> httpx.Request:
        headers = dict(call.headers)
        if authorization and origin(url) == origin(self.url):
            headers["Authorization"] = authorization
        try:
            return self._client.build_request(
                call.method,
                url,
                headers=headers,
                content=call.content() if callable(call.content) else call.content,
                timeout=httpx.USE_CLIENT_DEFAULT if timeout is None else timeout,
                extensions={"trace": self._sockets.trace},
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise Unavailable(
                f"{self.host} answered with a location that is not a URL when asked to "
                f"{call.doing}."
            ) from error

    def _may_pass(self, error: httpx.RequestError) -> bool:
        # Who never answered is not there, or has another name: waiting would not help.
        refused = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError)
        return not refused or (self._answered.is_set() and not is_distrust(error))

    def _unreachable(self, call: Call, error: httpx.RequestError) -> Unavailable:
        why = hide_user_info(str(error)) or type(error).__name__
        if is_distrust(error):
            return Unavailable(
                f"The certificate of {self.host} is not trusted.",
                why=why,
                todo=f"put the certificate of the authority that signed it into "
                f"{self.settings.certs_folder / self.host}/ca.crt, or name it in SSL_CERT_FILE",
            )
        if is_not_tls(error):
            return Unavailable(
                f"{self.host} does not speak TLS.",
                why=why,
                todo="only registries on localhost may do without; give this one a certificate",
            )
        return Unavailable(
            f"{self.host} did not answer when asked to {call.doing}.",
            why=why,
            todo="check the host's name, and that the network and a proxy let you through",
        )
