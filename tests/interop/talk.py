"""python3 talk.py HOST PORT NAME [ROOM]: joins a room, prints events as JSON lines, reads commands.

python3 talk.py LINK NAME: joins by an invitation.

Commands on standard input: `say TEXT`, `to NAME TEXT`, `drop`, `lose N`, `status`, `leave`.
`leave` (and the end of the input) waits for what is not delivered, 3 s at most.
The exit status is 0 after `leave`, 1 if the relay or the protocol ended the session.

This is a second client of the chat, written from `docs/protocol.md` alone, without the code of
parley. It shows that the document suffices, and that parley keeps to it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any, Dict

from client import Client
from invitation import Invitation


class Talk(Client):
    """A client whose events are JSON lines on standard output."""

    print_lock = threading.Lock()

    def put(self, value: Dict[str, Any]) -> None:
        with self.print_lock:
            sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
            sys.stdout.flush()

    def on_event(self, event: Dict[str, Any]) -> None:
        event = dict(event)
        if event["event"] == "in_room":
            event["event"] = "joined"
            event["self"] = True
        if event["event"] == "message":
            event["from"] = event.pop("sender")
            self.put(event)
            if event["late"]:
                self.put({"event": "late", "from": event["from"], "number": event["number"],
                          "text": event["text"]})
            return
        if "sender" in event:
            event["from"] = event.pop("sender")
        self.put(event)


def command(talk: Talk, line: str) -> bool:
    """Does what a line says; False after `leave`."""
    word, _, rest = line.partition(" ")
    if word == "say":
        talk.put({"event": "said", "number": talk.say(rest)})
    elif word == "to":
        name, _, text = rest.partition(" ")
        talk.put({"event": "said", "number": talk.say_to(name, text), "to": name})
    elif word == "drop":
        talk.drop()
    elif word == "lose":
        talk.lose(int(rest))
    elif word == "status":
        talk.put({"event": "status", **talk.status()})
    elif word == "leave":
        return False
    elif word:
        talk.put({"event": "error", "error": "no such command: " + word})
    return True


def read_commands(talk: Talk) -> None:
    for line in sys.stdin:
        try:
            if not command(talk, line.rstrip("\r\n")):
                break
        except (KeyError, ValueError, RuntimeError) as error:
            talk.put({"event": "error", "error": repr(error)})
    talk.left = True
    until = time.monotonic() + 3
    while time.monotonic() < until and talk.status()["undelivered"]:
        time.sleep(0.05)
    talk.leave()


def main() -> int:
    if not 3 <= len(sys.argv) <= 5:
        sys.stderr.write(__doc__)
        return 2
    if len(sys.argv) == 3:
        link = Invitation(sys.argv[1])
        talk = Talk(link.host, link.port, sys.argv[2], link.room, invitation=link)
    else:
        host, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
        talk = Talk(host, port, name, sys.argv[4] if len(sys.argv) == 5 else "")
    talk.left = False
    talk.start()
    threading.Thread(target=read_commands, args=(talk,), daemon=True).start()
    talk.join_thread()
    return 0 if talk.left and talk.core.end_reason == "LEFT" else 1


if __name__ == "__main__":
    sys.exit(main())
