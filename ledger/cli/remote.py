"""The command line's acts for the service: the same commands, given values instead of words, their answer instead of a print.

A key is marked in the act's own transaction, so that no act is done twice under it; its answer is kept right after. Where
the process died between the two, the act is done and its answer is lost: that is said, and nothing is done again.
"""

from __future__ import annotations

import base64
import binascii
import dis
import inspect
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import typer

from ledger.access.idempotency import Kept, store_answer, stored_answer
from ledger.access.signing.statement import SignedStatement
from ledger.api.ports import Described, Done
from ledger.cli.commands import WORDS, load
from ledger.cli.line.acting import ACTING, Marked, close_apps
from ledger.cli.line.numbers import is_number, require_range
from ledger.cli.line.usage import usage_refusal
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.private import write_private
from ledger.core.text import file_name
from ledger.db.connections import Engine
from ledger.db.unit_of_work import unit_of_work
from ledger.settings import Settings

SECRET: Final = frozenset({"user key", "user link", "data open", "data open-payee"})
"""Their answer holds a secret and is never kept: no key may be given with them."""
SHOWN_ONCE: Final = "second"
"""Of an answer that is kept: this member is not, for it is a secret of the moment (`user confirm`)."""
_ANSWER: Final = " answer"
_PASSED_OVER: Final = frozenset({"as_json", "help"})


class Remote:
    """`ledger.api.ports.Commands`."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine

    def described(self) -> Sequence[Described]:
        """Every act with the schema of its values."""
        return [Described(name, command.help or "", _schema(command)) for name, command in acts().items()]

    def run(
        self,
        user: str,
        name: str,
        values: Mapping[str, Any],
        key: str,
        digest: bytes,
        signatures: Sequence[SignedStatement] = (),
        *,
        asks: bool = False,
    ) -> Done:
        """Do one; see `Commands.run`."""
        command = acts().get(name)
        if command is None:
            raise NotFound("route.no_act", f"没有事项{name[:60]}：全部见 GET /api/v1/acts", act=name[:60])
        if key and name in SECRET:
            raise InvalidInput("key.secret", "此事项的答复含有密钥，不予保存，不能带请求键", act=name)
        region = _region(values)
        marked = Marked(f"POST acts {name}", key, digest) if key else None
        if marked is not None and (known := self._known(user, region, marked)) is not None:
            return known
        with tempfile.TemporaryDirectory(prefix="fundledger-") as folder:
            document, words, whole = self._do(
                user, command, _arguments(command, values, Path(folder)), marked, signatures, asks=asks
            )
        body = json.dumps(document, ensure_ascii=False, default=str).encode()
        if marked is not None:
            kept = {name: value for name, value in document.items() if name != SHOWN_ONCE}
            stored = Kept(200, json.dumps(kept, ensure_ascii=False, default=str).encode())
            with unit_of_work(self._engine, user, region) as tx:
                store_answer(tx, marked.route + _ANSWER, marked.key, marked.digest, stored)
        return Done(body, again=False, words=words, whole=whole)

    def _known(self, user: str, region: int, marked: Marked) -> Done | None:
        with unit_of_work(self._engine, user, region) as tx:
            answer = stored_answer(tx, marked.route + _ANSWER, marked.key, marked.digest)
            done = stored_answer(tx, *marked)
        if answer is not None:
            return Done(answer.body, again=True)
        if done is not None:
            raise Conflict(
                "key.answer_lost", "此请求键的事项已经办理，答复未及保存：请查询结果，不会再办一次"
            )
        return None

    def _do(
        self,
        user: str,
        command: Any,
        arguments: list[str],
        marked: Marked | None,
        signatures: Sequence[SignedStatement],
        *,
        asks: bool,
    ) -> tuple[dict[str, Any], list[str], bool]:
        """The command as if typed, its answer taken instead of printed. Everything of it is this thread's own."""
        words: list[str] = []
        whole = True
        answers: list[dict[str, Any]] = []
        ACTING.user, ACTING.region, ACTING.answers, ACTING.marked = user, 0, answers, marked
        ACTING.engine, ACTING.settings, ACTING.signatures = self._engine, self._settings, list(signatures)
        ACTING.asks = asks
        try:
            command.main(args=arguments, prog_name="fundledger", standalone_mode=False)
        except typer.Exit as ended:  # it says so in its answer
            whole = ended.exit_code == 0
        except typer.TyperException as error:
            raise usage_refusal(error, typed=False) from error
        finally:
            words = ACTING.words
            close_apps()
            ACTING.forget()
        document = answers[-1] if answers else {}
        return document, words, whole and not _none_of_many(document)


def _none_of_many(document: Mapping[str, Any]) -> bool:
    """All that were asked for by one word were refused."""
    lists = {
        name: value for name, value in document.items() if isinstance(value, list) and name != "warnings"
    }
    return bool(lists.pop("refused", None)) and not any(lists.values())


@cache
def acts() -> Mapping[str, Any]:
    """Every command that acts, by its words: those whose code opens an act."""
    found = {name: command for word in WORDS for name, command in _leaves(load(word), word.name)}
    return {
        name: command
        for name, command in sorted(found.items())
        if command.callback is not None and opens_act(inspect.unwrap(command.callback))
    }


def _leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    inside = getattr(command, "commands", None)
    if not inside:
        yield name, command
        return
    for word, part in inside.items():
        yield from _leaves(part, f"{name} {word}")


def opens_act(function: Callable[..., Any], seen: frozenset[Any] = frozenset()) -> bool:
    """Whether a function, or one of its module that it calls, opens an act of `ledger.cli.line.context`."""
    module = inspect.getmodule(function)
    # names it loads, not attributes that happen to be called so
    for name in {one.argval for one in dis.get_instructions(function) if one.opname == "LOAD_GLOBAL"}:
        called = getattr(module, name, None)
        if called is None or not inspect.isfunction(plain := inspect.unwrap(called)):
            continue
        if plain.__module__ == "ledger.cli.line.context" and plain.__name__ in ("act", "steps"):
            return True
        near = inspect.getmodule(plain) is module and plain not in seen
        if near and opens_act(plain, seen | {function, plain}):
            return True
    return False


def _region(values: Mapping[str, Any]) -> int:
    """Where: the region named, or that of the book."""
    said = str(values.get("region") or str(values.get("book", "")).partition("-")[0])
    if not (said.isascii() and said.isdigit() and len(said) == 6):
        raise InvalidInput("region.required", "请指明统筹区region（或账套book）", field="region")
    return int(said)


def _arguments(command: Any, values: Mapping[str, Any], folder: Path) -> list[str]:
    """The values as the words somebody would have typed; raises InvalidInput `usage.option`, `usage.value`."""
    parameters = {p.name: p for p in command.params if p.name not in _PASSED_OVER}
    for name in values:
        if name not in parameters:
            raise InvalidInput("usage.option", f"没有内容项“{name[:60]}”", field=name[:60])
    options: list[str] = []
    places: list[str] = []
    for name, parameter in parameters.items():
        if name not in values or values[name] is None:
            continue
        texts = _texts(name, parameter, values[name], folder)
        if parameter.opts[0].startswith("-"):
            options += _option(parameter, texts)
        else:
            places += texts
    return ["--json", *options, *(["--", *places] if places else [])]


def _texts(name: str, parameter: Any, value: Any, folder: Path) -> list[str]:
    several = value if isinstance(value, list) else [value]
    if _is_file(parameter):
        return [str(_file(name, number, one, folder)) for number, one in enumerate(several)]
    for one in several:
        if isinstance(one, float) or not isinstance(one, str | int):
            raise InvalidInput("usage.value", f"{name}应为文字或整数（金额为文字）", field=name)
        if any(
            c == "\x00" or "\ud800" <= c <= "\udfff" for c in str(one)
        ):  # no command line brings these either
            raise InvalidInput("usage.value", f"{name}含有不能保存的字符", field=name)
        if is_number(parameter):
            require_range(parameter, str(one))
    return [str(one) for one in several]


def _option(parameter: Any, texts: list[str]) -> list[str]:
    """One option's words: a flag by its name, several values one after the other, each value bound to its name."""
    name = parameter.opts[0]
    if getattr(parameter, "is_flag", False):
        if texts == ["True"]:
            return [name]
        return parameter.secondary_opts[:1]  # type: ignore[no-any-return]
    if parameter.nargs > 1:
        return [name, *texts]
    return [f"{name}={text}" for text in texts]


def _is_file(parameter: Any) -> bool:
    descriptor = getattr(parameter, "type_descriptor", None)
    return "Path" in str(getattr(descriptor, "annotation", ""))


def _file(name: str, number: int, value: Any, folder: Path) -> Path:
    """A file given as {"name", "content"} (text) or {"name", "base64"}, laid where the command can read it."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise InvalidInput("usage.value", f'{name}应为{{"name","content"}}或{{"name","base64"}}', field=name)
    plain = file_name(Path(value["name"]).name or "file")
    try:
        if isinstance(value.get("base64"), str):
            content = base64.b64decode(value["base64"], validate=True)
        else:
            content = str(value.get("content", "")).encode()
        place = folder / f"{name}-{number}"  # two values may each bring one
        place.mkdir(mode=0o700)
        write_private(place / plain, content)
    except (binascii.Error, ValueError, OSError):
        raise InvalidInput("usage.value", f"{name}的文件名或内容不合规", field=name) from None
    return place / plain


def _schema(command: Any) -> dict[str, Any]:
    members: dict[str, Any] = {}
    required: list[str] = []
    for parameter in command.params:
        if parameter.name in _PASSED_OVER:
            continue
        members[parameter.name] = _member(parameter)
        if parameter.required:
            required.append(parameter.name)
    return {"type": "object", "properties": members, "required": required, "additionalProperties": False}


def _member(parameter: Any) -> dict[str, Any]:
    text = {"type": ["string", "integer"]}
    one: dict[str, Any] = text
    if _is_file(parameter):
        words = {"name": {"type": "string"}, "content": {"type": "string"}, "base64": {"type": "string"}}
        one = {"type": "object", "properties": words, "required": ["name"]}
    elif getattr(parameter, "is_flag", False):
        one = {"type": "boolean"}
    many = parameter.multiple or parameter.nargs != 1
    return ({"type": "array", "items": one} if many else one) | {"description": parameter.help or ""}
