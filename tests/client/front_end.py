"""The other end of the comms that magics open, as JupyterLab is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient


class FrontEnd:
    """A client that answers what comes on comms."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client
        self.opened: list[dict[str, Any]] = []
        self.said: list[dict[str, Any]] = []
        self.texts: list[str] = []

    def execute(self, code: str) -> str:
        """Run code; return all that it shows."""
        self.texts = []
        reply = self.client.execute_interactive(code, timeout=60, output_hook=self._see)
        assert reply["content"]["status"] in ("ok", "error")
        return "".join(self.texts)

    def _see(self, message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "comm_open":
            self.opened.append(content)
        elif message["msg_type"] == "comm_msg":
            self.said.append(content["data"])
        elif message["msg_type"] == "error":
            self.texts.append("\n".join(content["traceback"]))
        else:
            shown = content.get("text") or content.get("data", {}).get("text/plain") or ""
            self.texts += [shown] if shown else []

    def send(self, number: int, kind: str = "comm_msg", **data: Any) -> str:
        """Say something on a comm; return what the kernel shows then."""
        self.texts = []
        content = {"comm_id": self.opened[number]["comm_id"], "data": data}
        message = self.client.session.msg(kind, content)
        self.client.shell_channel.send(message)
        while True:
            answer = self.client.get_iopub_msg(timeout=60)
            mine = answer["parent_header"].get("msg_id") == message["header"]["msg_id"]
            if mine and answer["content"].get("execution_state") == "idle":
                return "".join(self.texts)
            self._see(answer)


def job(state: str, **members: Any) -> dict[str, Any]:
    """What the server tells of a job."""
    return {"state": state, "stages": [], "cell": None, "error": None, "result": None, **members}


def watch_a_job(front_end: FrontEnd) -> None:
    """See that a widget shows how a job goes, in a kernel that has loaded the magics."""
    front_end.execute("made = %containerize")
    opened = [item for item in front_end.opened if item["target_name"] == "kernel-containers"]
    front_end.opened = opened

    front_end.said = []
    front_end.send(0, job=job("running", fraction=0.25))
    front_end.send(0, job=job("succeeded", result={"reference": "report:latest"}))

    states = [said["state"] for said in front_end.said if said.get("method") == "update"]
    values = [state["value"] for state in states if "value" in state]
    assert [value for value in values if isinstance(value, float)] == [0.25, 1.0]
    texts = [value for value in values if isinstance(value, str)]
    assert texts[-1] == "<pre>containerize: succeeded\nImage: report:latest</pre>"
