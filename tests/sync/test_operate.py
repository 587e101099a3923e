"""The operator's command, `tintype`, works beside running daemons."""

import json
import subprocess

import fault
from account import BUILD
from support import EXTENSIONS, clean_environment, wait_for


def tintype(house, *arguments, status=0):
    """Runs the command, which must end with that status, and returns what it printed."""
    run = subprocess.run([BUILD / "tintype", "-c", house.server.config_path, *arguments], capture_output=True,
                         text=True, env=clean_environment(), timeout=60)
    assert run.returncode == status, run.stdout + run.stderr
    return run.stdout if status == 0 else run.stdout + run.stderr


def read_status(house):
    return dict(line.split(": ") for line in tintype(house, "status").splitlines())


def test_status(make_house):
    house = make_house()
    house.upload(), house.upload()
    before = read_status(house)
    assert (before["pending"], before["synced"], before["agent"]) == ("2", "0", "does not run")
    house.agent.start()
    house.wait_synced()
    after = read_status(house)
    assert (after["pending"], after["synced"], after["agent"]) == ("0", "2", "runs")
    as_json = json.loads(tintype(house, "status", "--json"))
    assert (as_json["pending"], as_json["synced"], as_json["agent"]) == (0, 2, "runs")
    assert as_json["keptBytes"] == int(after["kept bytes"])
    assert int(after["kept bytes"]) == sum(path.stat().st_size for path in (house.server.storage / "spool").glob("[op]*/*"))


def test_retry_of_dead_images(house):
    house.cloud.s3_proxy.fail(fault.s3_error(400, "EntityTooLarge"), times=1,
                              match=lambda seen: seen.method == "PUT")
    image = house.upload()
    lost = "01890a5d-ac96-774b-bcce-b302099a8057"
    wait_for("its end", lambda: house.image(image)["sync"]["state"] == "dead")
    (line,) = tintype(house, "list", "dead").splitlines()
    assert line.split("\t")[0] == image["id"] and "EntityTooLarge" in line.split("\t")[4]
    assert tintype(house, "retry", lost, image["id"], status=1).splitlines() == [
        f"{image['id']}: 1 to be tried again",
        f"tintype: {lost}: no such image, or not one that waits or is dead"]
    house.wait_state(image, "synced")
    assert tintype(house, "list", "dead") == ""
    assert tintype(house, "retry", "dead") == "dead: 0 to be tried again\n"
    assert "no such image" in tintype(house, "retry", image["id"], status=1)


def test_verify(make_house):
    house = make_house()
    whole, changed, lost, odd = (house.upload() for _ in range(4))
    assert tintype(house, "verify") == ""

    def path(image, kind, extension):
        return house.server.storage / "spool" / kind / f"{image['id']}.{extension}"

    original = path(changed, "originals", EXTENSIONS[changed["original"]["format"]])
    with open(original, "r+b") as file:
        byte = file.read(1)[0]
        file.seek(0)
        file.write(bytes([byte ^ 1]))
    path(lost, "processed", "png").unlink()
    folders = [path(odd, "processed", "png"), path(odd, "originals", EXTENSIONS[odd["original"]["format"]])]
    for folder in folders:
        folder.unlink()
        folder.mkdir()
    found = tintype(house, "verify", status=1).splitlines()
    for kind, folder in zip(("processed", "original"), folders):
        (line,) = (line for line in found if line.startswith(f"{odd['id']}\t{kind} "))
        assert f"{folder.parent.name}/{folder.name} is no regular file" in line
        found.remove(line)
        folder.rmdir()
    assert sorted(found) == sorted([f"{changed['id']}\toriginal has other bytes than were acknowledged",
                                    f"{lost['id']}\tprocessed is missing"])
    assert whole["id"] not in "".join(found)
    with open(original, "r+b") as file:
        file.write(bytes([byte]))


def test_what_it_does_not_understand(make_house, tmp_path):
    house = make_house()
    house.upload()
    for arguments in ([], ["bloom"], ["list"], ["list", "lost"], ["retry"], ["status", "now"]):
        assert tintype(house, *arguments, status=2)
    run = subprocess.run([BUILD / "tintype", "status"], capture_output=True, text=True,
                         env=clean_environment(TINTYPE_STORAGE_DIR=str(tmp_path)), timeout=60)
    assert run.returncode == 1 and "journal.db" in run.stderr and not list(tmp_path.iterdir())
