"""`fundledger key`: a person's own signing key: made, enrolled by two, revoked, listed; the signed list; the agent."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from ledger.access.signing import persons, published
from ledger.access.signing.agent import serve
from ledger.access.signing.keyfile import new_key, open_key, read_public
from ledger.access.signing.pair import algorithm_named
from ledger.access.signing.passkey import bound_key
from ledger.access.signing.register import (
    FORMAT,
    check_list,
    list_digest,
    make_list,
    read_document,
    sign_list,
)
from ledger.access.signing.signer import HEADER, Holder, header_of, sign_with
from ledger.access.signing.statement import ToSign, read_statement, require_same
from ledger.cli.line.acting import ACTING
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, day_or_today, show
from ledger.cli.line.signing import holder_of, passphrase_of
from ledger.core.dates import parse_day
from ledger.core.errors import InvalidInput
from ledger.core.os_errors import os_reason
from ledger.core.private import write_private
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work
from ledger.settings import get_settings

app = typer.Typer(help="本人签名密钥：生成、登记、停用、名册", no_args_is_help=True)
KeyFile = Annotated[Path, typer.Argument(help="密钥文件")]
KeyName = Annotated[str, typer.Argument(help="密钥指纹，或其前8位以上")]
ListFile = Annotated[Path, typer.Argument(help="人员密钥名册文件")]


@app.command()
def new(
    file: KeyFile,
    algorithm: Annotated[str, typer.Option("--algorithm", help="ed25519或sm2")] = "ed25519",
    *,
    as_json: JsonFlag = False,
) -> None:
    """在本机生成一把密钥：以口令加密，只有本人可读；不联系账本。"""
    kind = algorithm_named(algorithm)
    made = new_key(file, kind, passphrase_of(get_settings(), file, again=True))
    document = {"file": str(file), "algorithm": kind, "public_key": made.public, "fingerprint": made.id}
    show(document, [f"已生成{file}（{kind}）", f"指纹 {made.id}"], as_json=as_json)


@app.command()
def enroll(
    user: Annotated[str, typer.Argument(help="持有人的用户名")],
    region: RegionOption,
    public: Annotated[Path, typer.Option("--file", help="密钥文件（只读其公钥）")],
    since: Annotated[str, typer.Option("--from", help="有效期起 YYYY-MM-DD，缺省今天")] = "",
    until: Annotated[str, typer.Option("--to", help="有效期止 YYYY-MM-DD，缺省起日后两年")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出登记一把密钥：本人或管理员提出，另一人确认。"""
    running = app_for("admin")
    kind, key = read_public(public)
    first = day_or_today(since, ahead=True)
    last = parse_day(until) if until else first.replace(year=first.year + 2, day=min(first.day, 28))
    with act(running, region, "key.enroll", user) as tx:
        made = persons.enroll(tx, user, kind, key, (first, last), running.clock.today())
    lines = [
        f"已提出{user}的密钥{made.fingerprint}，有效期{first}至{last}",
        f"核对指纹后由另一人：fundledger key confirm {made.fingerprint[:16]} --region {region} --digest {made.digest}",
    ]
    show(made.as_json(), lines, as_json=as_json)


@app.command()
def passkey(
    user: Annotated[str, typer.Argument(help="持有人的用户名")],
    region: RegionOption,
    public: Annotated[str, typer.Option("--public", help="COSE公钥，十六进制")],
    credential: Annotated[str, typer.Option("--credential", help="凭据标识，base64url")],
    algorithm: Annotated[str, typer.Option("--algorithm", help="passkey-ES256或passkey-EdDSA")],
    origin: Annotated[str, typer.Option("--origin", help="网页地址，如https://账本主机名")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出登记一把通行密钥：本人在网页“本人”中生成，或在此以其公钥提出；另一人确认。"""
    running = app_for("admin")
    made = bound_key(public, credential, algorithm, origin)
    first = running.clock.today()
    last = first.replace(year=first.year + 2, day=min(first.day, 28))
    with act(running, region, "key.enroll", user) as tx:
        done = persons.enroll_passkey(tx, user, made, (first, last), first)
    show(
        done.as_json(),
        [f"已提出{user}的通行密钥{done.fingerprint}，有效期{first}至{last}，待另一人确认"],
        as_json=as_json,
    )


@app.command()
def vouch(key: KeyName, region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """以管理员本人的签名提出某人自己在网页生成的通行密钥：登记须签名的统筹区，本人还没有密钥可签时。"""
    running = app_for("admin")
    with act(running, region, "key.enroll", key) as tx:
        done = persons.vouch(tx, key, running.clock.today())
    show(done.as_json(), [f"已提出{done.person}的通行密钥{done.fingerprint}，待另一人确认"], as_json=as_json)


@app.command()
def confirm(
    key: KeyName,
    region: RegionOption,
    digest: Annotated[str, typer.Option("--digest", help="所确认内容的摘要，见key list")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """确认登记：由提出人和持有人以外的人，核对指纹之后。"""
    running = app_for("checker")
    with act(running, region, "key.confirm", key) as tx:
        made = persons.confirm(tx, key, digest, running.clock.today())
    show(made.as_json(), [f"已确认{made.person}的密钥{made.fingerprint}"], as_json=as_json)


@app.command()
def revoke(
    key: KeyName,
    region: RegionOption,
    reason: Annotated[str, typer.Option(help="原因")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """停用一把密钥，即刻生效：本人或一名管理、复核、主管、稽核人员即可。"""
    running = app_for("admin")
    with act(running, region, "key.revoke", key) as tx:
        found, done = persons.revoke(tx, key, reason, running.clock.today())
    document = found.as_json() | {"revoked": done}
    word = "已停用" if done else f"早已于{found.revoked_at}由{found.revoked_by}停用"
    show(document, [f"{found.person}的密钥{found.fingerprint}{word}"], as_json=as_json)


@app.command("list")
def list_keys(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """本统筹区的密钥、有效期与状态，以及是否要求签名。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found, demand = persons.keys_of(tx), persons.demand_of(tx)
    document = {
        "keys": [one.as_json() for one in found],
        "demanded": demand.in_force,
        "since": demand.since.isoformat() if demand.since else "",
        "digest": demand.digest,
    }
    lines = [
        f"{one.person}（{'、'.join(one.users)}） {one.algorithm} {one.fingerprint} {one.valid_from}至{one.valid_to}"
        f" {said('signing_key.state', one.state)}{'，摘要 ' + one.digest if one.state == 'proposed' else ''}"
        for one in found
    ]
    lines.append(
        f"自{demand.since}起要求签名" if demand.in_force else f"未要求签名；密钥清单摘要 {demand.digest}"
    )
    show(document, lines, as_json=as_json)


@app.command()
def demand(
    region: RegionOption,
    digest: Annotated[str, typer.Option("--digest", help="在用密钥清单的摘要，见key list")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """要求签名：两人先后以自己的密钥对密钥清单签名，第二人办理后即刻生效，不能再取消。"""
    running = app_for("checker")
    with act(running, region, "key.demand", digest) as tx:
        state = persons.demand(tx, digest, running.clock.today())
    words = {"asked": "已提出要求签名，待另一人以同一命令确认", "in_force": "即刻起审批须由本人签名"}
    show({"state": state}, [words[state]], as_json=as_json)


@app.command()
def export(
    region: RegionOption,
    out: Annotated[Path, typer.Option("--out", help="写入的名册文件")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """导出人员密钥名册并由本人签名；再由另一人 key sign-list，两人签名后方可用于离线核对。"""
    running = app_for("checker")
    holder = _holder()
    with unit_of_work(running.engine, running.user, region) as tx:
        home = tx.value("SELECT h.id FROM access.home h") or ""
        document = make_list(home, region, persons.keys_of(tx), running.clock.today())
    sign_list(document, holder, running.user)
    _write(out, document)
    show(
        {"out": str(out), "keys": len(document["keys"]), "signatures": 1},
        [f"已写入{out}，待另一人签名"],
        as_json=as_json,
    )


@app.command()
def publish(
    region: RegionOption,
    digest: Annotated[str, typer.Option("--digest", help="所看名册的摘要；不填只查看")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="两人签名后写入的名册文件")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """在账本中签名人员密钥名册：网页以通行密钥，此处以密钥文件；两人签名后导出，同样离线核对。"""
    running = app_for("checker")
    today = running.clock.today()
    if digest:
        with act(running, region, "key.list", str(region)) as tx:
            document = published.sign(tx, digest, today)
    else:
        with unit_of_work(running.engine, running.user, region) as tx:
            document = published.listed(tx, today)
    if out is not None:
        check_list(document)
        _write(out, document)
    signers = [read_statement(one["statement"])[0].person for one in document["signatures"]]
    made = {
        "digest": list_digest(document),
        "made_on": document["made_on"],
        "keys": len(document["keys"]),
        "signers": signers,
    }
    lines = [
        f"{made['made_on']}的名册，密钥{made['keys']}把，摘要{made['digest']}",
        f"已签名：{'、'.join(signers) or '无人'}",
    ]
    show(made, [*lines, *([f"已写入{out}"] if out else [])], as_json=as_json)


@app.command("sign-list")
def sign_the_list(file: ListFile, *, as_json: JsonFlag = False) -> None:
    """以本人密钥在名册上签名；不联系账本。"""
    document = read_document(file, FORMAT)
    sign_list(document, _holder(), ACTING.user)
    listed = check_list(document)
    _write(file, document)
    lines = [f"名册已由{len(listed.signers)}人签名：", *(f"  {one}" for one in listed.signers)]
    show({"file": str(file), "signers": list(listed.signers)}, lines, as_json=as_json)


@app.command()
def sign(
    file: ListFile,
    act_name: Annotated[str, typer.Option("--act", help="事项，如payments.approve")] = "",
    subject: Annotated[str, typer.Option("--object", help="对象，如批次号")] = "",
    digest: Annotated[str, typer.Option("--digest", help="所见内容的摘要")] = "",
    date: Annotated[str, typer.Option("--date", help="业务日期，缺省今天")] = "",
    request: Annotated[
        Path | None, typer.Option("--request", help="服务以signature.missing拒绝时的答复：签其所要求的")
    ] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """为经HTTP办理的事项签名：显示所签的内容，给出请求头的值，五分钟内有效；不联系账本。"""
    listed = check_list(read_document(file, FORMAT))
    if request is None and not (act_name and subject and digest):
        raise InvalidInput(
            "signing_key.request", "请以 --request 指明服务的答复，或写明 --act、--object、--digest"
        )
    asked = [] if request is None else _asked(request)
    holder = _holder()
    key = listed.keys.get(holder.id)
    if key is None:
        raise InvalidInput("evidence.list", f"人员密钥名册不可信：密钥{holder.id[:16]}…不在名册中")
    user = ACTING.user or key["users"][0]
    if request is None:
        named = ToSign(listed.home, listed.region, act_name, subject, digest.strip().lower(), user, key["person"], day_or_today(date))  # fmt: skip
        asked = [(named, "")]
    lines = []
    for wanted, content in asked:
        user = ACTING.user or (wanted.user if wanted.user in key["users"] else user)
        require_same(
            wanted, wanted._replace(home=listed.home, region=listed.region, user=user, person=key["person"])
        )
        lines.append(f"{user}签名：{wanted.act} {wanted.object}，业务日期{wanted.day}，摘要{wanted.digest}")
        lines.append(f"  {content or '请与所看内容的摘要核对'}")
    value = header_of([sign_with(holder, wanted) for wanted, _ in asked])
    signed = [wanted.asked(content) for wanted, content in asked]
    show(
        {"header": HEADER, "value": value, "signed": signed}, [*lines, f"{HEADER}: {value}"], as_json=as_json
    )


def _asked(file: Path) -> list[tuple[ToSign, str]]:
    """What a refusal of the service asks to be signed, with the texts. Raises InvalidInput `signing_key.request`."""
    found = []
    try:
        for given in json.loads(file.read_text(encoding="utf-8"))["to_sign"]:
            content = str(given.pop("content"))
            found.append((ToSign(**given | {"day": parse_day(given["day"])}), content))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidInput):
        found = []
    if not found:
        raise InvalidInput("signing_key.request", f"{file}不是服务要求签名的答复（signature.missing）")
    for wanted, content in found:
        if content and sha256(content.encode()).hexdigest() != wanted.digest:
            raise InvalidInput("signing_key.request", f"{file}所附的内容与所要求签名的摘要不符：不得签名")
    return found


@app.command()
def agent(
    file: Annotated[list[Path], typer.Argument(help="密钥文件，可多个")],
    socket: Annotated[Path, typer.Option("--socket", help="套接字，须在只有本人可进的目录")],
    minutes: Annotated[int, typer.Option("--minutes", help="无人使用多久即退出", min=1, max=1440)] = 480,
) -> None:
    """密钥代理：解开密钥后代为签名，只应本人的进程；退出即忘。"""
    settings = get_settings()
    keys = [open_key(one, passphrase_of(settings, one)) for one in file]
    typer.echo(f"密钥代理：{socket}，持有{len(keys)}把密钥", err=True)
    serve(socket.absolute(), {one.id: one for one in keys}, minutes * 60)


def _holder() -> Holder:
    settings = ACTING.settings or get_settings()
    file = Path(ACTING.key).expanduser() if ACTING.key else settings.key_file
    found = holder_of(settings, file)
    if found is None:
        raise InvalidInput("signing_key.which", "请以 --sign-with 指明密钥文件，或先启动密钥代理")
    return found


def _write(path: Path, document: object) -> None:
    try:
        write_private(path, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise InvalidInput("export.file", f"不能写入{path}：{os_reason(error)}", file=str(path)) from error
