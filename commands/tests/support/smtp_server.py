"""A mail server for tests: speaks SMTP and keeps each message as a JSON file.

usage: smtp_server.py DIRECTORY [--user USER --password PASSWORD] [--answer VERB=CODE ...]

Prints its port once it listens. With a user it takes mail only after AUTH (PLAIN or LOGIN). --answer makes a verb
(such as RCPT or DATA-END) answer with a code instead of success, each given one for one use. While there is a file
DIRECTORY/hold, a mail that was kept is not answered.
"""

import argparse
import asyncio
import base64
import itertools
import json
import pathlib


class Refused(Exception):
    """An answer other than success."""


class Session:
    def __init__(self, reader, writer, settings):
        self.reader, self.writer, self.settings = reader, writer, settings
        self.authenticated = False
        self.reset()

    def reset(self):
        self.sender, self.recipients = None, []

    async def say(self, code, *lines):
        for line in lines[:-1]:
            self.writer.write(f"{code}-{line}\r\n".encode())
        self.writer.write(f"{code} {lines[-1]}\r\n".encode())
        await self.writer.drain()

    async def line(self):
        line = await self.reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError
        return line[:-2].decode()

    def planned(self, verb):
        for index, (planned, code) in enumerate(self.settings.answers):
            if planned == verb:
                del self.settings.answers[index]
                raise Refused(code)

    async def run(self):
        await self.say(220, "test ESMTP")
        while True:
            verb, _, rest = (await self.line()).partition(" ")
            verb = verb.upper()
            if verb == "QUIT":
                await self.say(221, "bye")
                return
            try:
                self.planned(verb)
                await getattr(self, f"on_{verb.lower()}", self.unknown)(rest)
            except Refused as refused:
                await self.say(refused.args[0], "no")

    async def unknown(self, _):
        raise Refused(502)

    async def on_ehlo(self, _):
        self.reset()
        await self.say(250, "test", *(["AUTH PLAIN LOGIN"] if self.settings.user else []), "8BITMIME")

    async def on_helo(self, _):
        self.reset()
        await self.say(250, "test")

    async def on_noop(self, _):
        await self.say(250, "ok")

    async def on_rset(self, _):
        self.reset()
        await self.say(250, "ok")

    async def on_auth(self, rest):
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            _, user, password = (await self.answer(initial, "")).split("\0")
        elif mechanism.upper() == "LOGIN":
            user, password = await self.answer(initial, "Username:"), await self.answer("", "Password:")
        else:
            raise Refused(504)
        if (user, password) != (self.settings.user, self.settings.password):
            raise Refused(535)
        self.authenticated = True
        await self.say(235, "welcome")

    async def answer(self, initial, challenge):
        if not initial:
            await self.say(334, base64.b64encode(challenge.encode()).decode())
            initial = await self.line()
        return base64.b64decode(initial).decode()

    async def on_mail(self, rest):
        if self.settings.user and not self.authenticated:
            raise Refused(530)
        self.sender = rest.partition(":")[2].split()[0].strip("<>")
        await self.say(250, "ok")

    async def on_rcpt(self, rest):
        if self.sender is None:
            raise Refused(503)
        self.recipients.append(rest.partition(":")[2].split()[0].strip("<>"))
        await self.say(250, "ok")

    async def on_data(self, _):
        if not self.recipients:
            raise Refused(503)
        await self.say(354, "go on")
        lines = []
        while (line := await self.line()) != ".":
            lines.append(line[1:] if line.startswith(".") else line)
        self.planned("DATA-END")
        number = next(self.settings.numbers)
        message = {
            "from": self.sender,
            "to": self.recipients,
            "user": self.settings.user if self.authenticated else None,
            "data": "\n".join(lines),
        }
        self.reset()
        path = pathlib.Path(self.settings.directory) / f"{number:04}.json"
        unfinished = path.with_suffix(".part")
        unfinished.write_text(json.dumps(message))
        unfinished.rename(path)
        while path.with_name("hold").exists():
            await asyncio.sleep(0.01)
        await self.say(250, "kept")


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--answer", action="append", default=[])
    settings = parser.parse_args()
    settings.answers = [(verb, int(code)) for verb, _, code in (answer.partition("=") for answer in settings.answer)]
    settings.numbers = itertools.count(1)

    async def serve(reader, writer):
        try:
            await Session(reader, writer, settings).run()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
