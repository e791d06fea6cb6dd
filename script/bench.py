"""The measurements of script/bench: `bench.py TOOL WASM-OPT WORK REGISTRY LOG`.

WORK is an empty directory, REGISTRY is the address of a running registry, and LOG is the file that the registry logs
its requests to.

Both sides of a row run in turns, in one run of this script, on copies of the same scaffold. The table shows medians.
The filters are built outside of this repository, as users build them.
"""

import http.client
import itertools
import json
import os
import random
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

TARGET = "wasm32-wasip1"
PLUGINS = 20
MIB = 1024 * 1024
LARGE = 64 * MIB

# The profile in the documentation of the proxy-wasm crate.
DOCUMENTED_PROFILE = """
[profile.release]
lto = true
opt-level = 3
codegen-units = 1
panic = "abort"
strip = "debuginfo"
"""

# The profile that cargo-wasmplugin passes to cargo, as shown by `build -v`.
SAME_PROFILE = ["--profile", "wasmplugin"] + [
    word
    for setting in (
        'inherits="release"',
        "lto=true",
        "codegen-units=1",
        'panic="abort"',
        'strip="debuginfo"',
        "opt-level=3",
    )
    for word in ("--config", f"profile.wasmplugin.{setting}")
]

# A manifest with a reference to the scaffold.
MANIFEST = """\
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: {name}
spec:
  selector:
    matchLabels:
      app: shop
  url: wasmplugin://hello # filled in
  phase: AUTHN
"""


def main():
    tool, wasm_opt, work = (Path(argument).resolve() for argument in sys.argv[1:4])
    address, log = sys.argv[4:]
    load = os.getloadavg()[0]
    bench = Bench(work, tool, wasm_opt, Registry(address, Path(log)))
    # The changed line comes last, because the sizes are those of the unchanged scaffold.
    rows = bench.unchanged() + bench.workspace() + bench.unchanged_publish() + bench.sizes() + bench.start()
    rows += bench.memory() + bench.large_module() + bench.manifests() + bench.changed_line() + bench.changed_publish()
    print("| what | cargo-wasmplugin | by hand | compared | limit | |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()
    print(f"Medians; {'; '.join(bench.notes)}. {os.cpu_count()} cores, load {load:.1f} at the start.")
    for line in bench.versions():
        print(f"{line}.")


class Bench:
    def __init__(self, work, tool, wasm_opt, registry):
        self.work, self.tool, self.wasm_opt, self.registry = work, tool, wasm_opt, registry
        self.image = f"{registry.address}/acme/hello"
        self.notes = []
        self.edits = itertools.count()
        self.env = dict(os.environ)
        for name in ("CARGO", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"):
            self.env.pop(name, None)
        self.env["CARGO_NET_OFFLINE"] = "true"
        self.env["PATH"] = f"{tool.parent}{os.pathsep}{self.env['PATH']}"
        say("a scaffold")
        self.run(work, ["cargo", "wasmplugin", "new", "hello", "--vcs", "none", "--image", self.image])
        self.run(work / "hello", ["cargo", "generate-lockfile"])
        # Each side has its own directory, so that neither reuses what the other one built.
        self.ours, self.plain, self.hand = (self.copy(name) for name in ("ours", "plain", "hand"))
        with open(self.plain / "Cargo.toml", "a") as manifest:
            manifest.write(DOCUMENTED_PROFILE)
        say("the first builds")
        self.run(self.ours, BUILD)
        self.run(self.plain, PLAIN)

    def copy(self, name):
        shutil.copytree(self.work / "hello", self.work / name / "hello")
        return self.work / name / "hello"

    def unchanged(self):
        say("nothing changed, one plugin")
        ours, plain = self.turns(31, lambda: self.timed(self.ours, BUILD), lambda: self.timed(self.plain, PLAIN))
        self.notes.append("31 runs of an unchanged build")
        name = "`cargo wasmplugin build`, nothing changed, against `cargo build --release`"
        return [difference_row(name, ours, plain, 0.060)]

    def workspace(self):
        return [
            self.plugins("equal", f"the same with `--workspace`, {PLUGINS} plugins", lambda number: '"0.4"', 1.6),
            self.plugins(
                "differing",
                "the same, with two sets of features",
                lambda number: '{ version = "0.4", features = ["std"] }' if number % 2 else '"0.4"',
                None,
            ),
        ]

    def plugins(self, directory, name, log, limit):
        say(f"nothing changed, {PLUGINS} plugins, {directory}")
        root = self.work / directory
        root.mkdir()
        manifest = '[workspace]\nresolver = "3"\nmembers = []\n\n[workspace.metadata.wasmplugin]\nimage = "registry.example/acme/{name}"\n'
        (root / "Cargo.toml").write_text(manifest)
        for number in range(PLUGINS):
            self.run(root, ["cargo", "wasmplugin", "new", f"filter-{number}"])
            member = root / f"filter-{number}" / "Cargo.toml"
            member.write_text(member.read_text().replace('log = "0.4"', f"log = {log(number)}"))
        shutil.copy(self.ours / "Cargo.lock", root)
        build, plain = BUILD + ["--workspace"], PLAIN + ["--workspace"]
        self.run(root, build)
        self.run(root, plain)
        ours, by_cargo = self.turns(15, lambda: self.timed(root, build), lambda: self.timed(root, plain))
        self.notes.append(f"15 of a workspace of {PLUGINS} {directory} plugins")
        return ratio_row(name, ours, by_cargo, limit, milliseconds)

    def unchanged_publish(self):
        say("nothing changed, published")
        self.run(self.ours, PUBLISH)
        asked = self.registry.asked(lambda: self.run(self.ours, PUBLISH))
        uploads = [path for method, path in asked if method == "POST" and "/blobs/uploads/" in path]
        publish, build, requests = self.turns(
            31,
            lambda: self.timed(self.ours, PUBLISH),
            lambda: self.timed(self.ours, BUILD),
            lambda: self.registry.ask(asked),
        )
        self.notes.append("31 of an unchanged publish")
        name = "`publish`, nothing changed"
        baseline = f"`build` plus only the same requests ({milliseconds(requests)})"
        return [
            absolute_row(f"{name}: requests", len(asked), None, 5, str),
            absolute_row(f"{name}: uploaded blobs", len(uploads), None, 0, str),
            difference_row(f"{name}, against an unchanged {baseline}", publish, build + requests, 0.060),
        ]

    def changed_line(self):
        say("one line changed")
        by_hand = self.by_hand()
        self.timed(self.hand, by_hand)

        def ours():
            self.edit(self.ours)
            return self.timed(self.ours, BUILD)

        def hand():
            self.edit(self.hand)
            return self.timed(self.hand, by_hand)

        ours, hand = self.turns(9, ours, hand)
        self.notes.append("9 after a change")
        name = "`build` after a changed line, against cargo, wasm-opt -O3, cp and sha256sum"
        return [ratio_row(name, ours, hand, 1.0, milliseconds)]

    def changed_publish(self):
        say("one line changed, published")
        pushed = self.copy("pushed")
        # The tag of the version is protected. A new tag is the same amount of work on both sides.
        tags = (f"run-{number}" for number in itertools.count())

        def ours():
            self.edit(self.ours)
            return self.timed(self.ours, [*PUBLISH, "--tag", next(tags)])

        def by_skopeo():
            self.edit(pushed)
            tag = next(tags)
            target = f"docker://{self.image}:{tag}"
            copy = ["skopeo", "copy", "--dest-tls-verify=false", "oci:target/wasmplugin.d/hello/image", target]
            return self.timed(pushed, [*BUILD, "--tag", tag]) + self.timed(pushed, copy)

        ours, by_skopeo = self.turns(9, ours, by_skopeo)
        self.notes.append("9 of a publish after a change")
        name = "`publish` after a changed line, against `build` and `skopeo copy`"
        return [ratio_row(name, ours, by_skopeo, 1.0, milliseconds)]

    def edit(self, directory):
        """Changes a string in the module: with a changed comment, the optimizer would not run."""
        source = directory / "src/lib.rs"
        text = re.sub(r'info!\("(run \d+: )?', f'info!("run {next(self.edits)}: ', source.read_text(), count=1)
        source.write_text(text)

    def by_hand(self):
        module = f"target/{TARGET}/wasmplugin/hello.wasm"
        steps = [
            ["cargo", "build", "--lib", "--target", TARGET, *SAME_PROFILE],
            [self.wasm_opt, *self.optimizer_arguments(), module, "-o", "target/plugin.wasm"],
            ["mkdir", "-p", "target/image"],
            ["cp", "target/plugin.wasm", "target/image/plugin.wasm"],
            ["sha256sum", "target/image/plugin.wasm"],
        ]
        return ["sh", "-c", " && ".join(shlex.join(str(word) for word in step) for step in steps)]

    def optimizer_arguments(self):
        """The arguments that the tool passes to wasm-opt, except those that keep the names of functions."""
        spy, log = self.work / "spy", self.work / "spy.log"
        quoted = shlex.quote(str(self.wasm_opt)), shlex.quote(str(log))
        spy.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >{1}\nexec {0} "$@"\n'.format(*quoted))
        spy.chmod(0o755)
        self.run(self.ours, BUILD + ["--wasm-opt", spy])
        return [word for word in log.read_text().splitlines() if word.startswith("-") and word not in ("-g", "-o")]

    def sizes(self):
        say("sizes")
        by_cargo = (self.plain / f"target/{TARGET}/release/hello.wasm").stat().st_size

        def size(*flags):
            report = json.loads(self.run(self.ours, BUILD + ["-o", "json", *flags]))
            return report["packages"][0]["module"]["size"]

        name = "module of `http-headers`, `optimize = \"{}\"`, against proxy-wasm's documented profile"
        small, quick = size("--optimize", "size"), size()
        return [
            ratio_row(name.format("speed"), quick, by_cargo, 0.73, kilobytes),
            ratio_row(name.format("size"), small, by_cargo, 0.50, kilobytes),
        ]

    def start(self):
        say("start")
        ours, other = self.turns(
            101, lambda: self.timed(self.work, [self.tool, "--version"]), lambda: self.timed(self.work, ["true"])
        )
        self.notes.append("101 of a start")
        return [absolute_row("`cargo-wasmplugin --version`, compared with `true`", ours, other, 0.010, milliseconds)]

    def memory(self):
        say("memory")
        own, largest, of_cargo = [], [], []
        for _ in range(5):
            peak, tree = self.peak(self.ours, [self.tool, "build"])
            own.append(peak)
            largest.append(tree)
            of_cargo.append(self.peak(self.plain, PLAIN)[1])
        self.notes.append("5 of memory")
        own, largest, of_cargo = (statistics.median(each) for each in (own, largest, of_cargo))
        name = "peak memory of an unchanged `build`: "
        return [
            absolute_row(name + "this program's own process", own, None, 64 * MIB, mebibytes),
            absolute_row(name + "the largest process, cargo and rustc included", largest, of_cargo, None, mebibytes),
        ]

    def large_module(self):
        """A module from another toolchain. The optimizer is off, so there is only one process."""
        say(f"a module of {LARGE // MIB} MiB")
        directory = self.work / "large"
        directory.mkdir()
        module = directory / "large.wasm"
        module.write_bytes(large_module())
        size = module.stat().st_size
        repositories = (f"{self.registry.address}/acme/large-{number}" for number in itertools.count())

        def command(name, repository):
            flags = ["--module", module, "--optimize", "none", "--target-dir", directory / "target", "--tag", "v1"]
            return [self.tool, name, *flags, "--image", repository]

        def anew(name):
            shutil.rmtree(directory / "target", ignore_errors=True)
            return self.peak(directory, command(name, next(repositories)))[0]

        built = statistics.median(anew("build") for _ in range(5))
        published = statistics.median(anew("publish") for _ in range(5))

        def up_to_date(measure):
            # skopeo remembers where it has pushed a blob, and then only links it. So each module is new.
            repository = next(repositories)
            with open(module, "r+b") as file:
                file.seek(LARGE // 2)
                file.write(repository.encode())
            self.run(directory, command("build", repository))
            return measure(repository)

        own = statistics.median(
            up_to_date(lambda repository: self.peak(directory, command("publish", repository))[0]) for _ in range(5)
        )

        def by_skopeo(repository):
            image = f"oci:{directory}/target/wasmplugin.d/large/image"
            copy = ["skopeo", "copy", "--dest-tls-verify=false", image, f"docker://{repository}:v1"]
            return self.timed(directory, copy)

        ours, skopeo = self.turns(
            9,
            lambda: up_to_date(lambda repository: self.timed(directory, command("publish", repository))),
            lambda: up_to_date(by_skopeo),
        )
        self.notes.append("5 of the memory and 9 of the time of a large module")
        name = f"`{{}}` of {LARGE // MIB} MiB"
        up_to_date_name = name.format("publish") + ", up to date, to an empty repository"
        return [
            absolute_row(name.format("build --module") + ": peak memory", built, None, 2 * size + 32 * MIB, mebibytes),
            absolute_row(name.format("publish --module") + ": peak memory", published, None, 160 * MIB, mebibytes),
            absolute_row(f"{up_to_date_name}: peak memory of this program's own process", own, None, 64 * MIB, mebibytes),
            ratio_row(f"{up_to_date_name}, against `skopeo copy`", ours, skopeo, 1.0, milliseconds),
        ]

    def manifests(self):
        say("1,000 manifests")
        directory = self.ours / "manifests"
        directory.mkdir()
        for number in range(100):
            documents = (MANIFEST.format(name=f"plugin-{number}-{index}") for index in range(10))
            (directory / f"{number}.yaml").write_text("---\n".join(documents))
        resolve = [self.tool, "resolve", "-f", "manifests"]
        ours, build = self.turns(31, lambda: self.timed(self.ours, resolve), lambda: self.timed(self.ours, BUILD))
        own = statistics.median(self.peak(self.ours, resolve)[0] for _ in range(5))
        self.notes.append("31 of `resolve`")
        name = "`resolve` of 1,000 references in 100 files"
        return [
            absolute_row(f"{name}, nothing to build, against an unchanged `build`", ours, build, 0.5, milliseconds),
            absolute_row(f"{name}: peak memory of this program's own process", own, None, 100 * MIB, mebibytes),
        ]

    def peak(self, directory, command):
        """The peak memory of the process itself, and of the largest process among it and its descendants.

        The kernel's VmHWM never decreases, so the last value before the end is the peak. wait4 reports the largest
        process of the tree, not the sum.
        """
        child = subprocess.Popen(command, cwd=directory, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        own = 0
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            own = max(own, high_water_mark(child.pid))
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            fail(directory, command, "")
        return own, usage.ru_maxrss * 1024

    def turns(self, count, *sides):
        """The medians of all sides, which run in turns and alternate in going first. The first round is a warm-up."""
        times = [[] for _ in sides]
        for number in range(count + 1):
            order = list(enumerate(sides))
            for index, side in order if number % 2 else reversed(order):
                taken = side()
                if number:
                    times[index].append(taken)
        return [statistics.median(each) for each in times]

    def timed(self, directory, command):
        begin = time.perf_counter()
        ran = subprocess.run(command, cwd=directory, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        taken = time.perf_counter() - begin
        if ran.returncode != 0:
            fail(directory, command, ran.stderr.decode())
        return taken

    def run(self, directory, command):
        ran = subprocess.run(command, cwd=directory, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if ran.returncode != 0:
            fail(directory, command, ran.stderr.decode())
        return ran.stdout.decode()

    def versions(self):
        asked = self.tool, "rustc", self.wasm_opt, "skopeo", "docker-registry"
        return [self.run(self.work.parent, [program, "--version"]).strip() for program in asked]


class Registry:
    def __init__(self, address, log):
        self.address, self.log = address, log

    def asked(self, action):
        """The method and the path of each request that the registry gets while the action runs.

        The registry logs a request before it has sent the end of a short response.
        """
        before = self.log.stat().st_size
        action()
        new = self.log.read_bytes()[before:].decode()
        return re.findall(r'^\S+ \S+ \S+ \[[^]]*\] "(\S+) (\S+) HTTP/', new, re.MULTILINE)

    def ask(self, requests):
        """How long the same requests take, one after the other on a single connection."""
        begin = time.perf_counter()
        connection = http.client.HTTPConnection(self.address, timeout=10)
        for method, path in requests:
            connection.request(method, path, headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                sys.exit(f"bench: error: {method} {path} returned {answer.status}")
        connection.close()
        return time.perf_counter() - begin


def large_module():
    """A filter that does nothing, with a lot of data that can't be compressed."""

    def number(value):
        encoded = bytearray()
        while value > 0x7F:
            encoded.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes(encoded) + bytes([value])

    def text(value):
        return number(len(value)) + value.encode()

    def section(kind, items):
        content = number(len(items)) + b"".join(items)
        return bytes([kind]) + number(len(content)) + content

    nothing, returns_0 = b"\x02\x00\x0b", b"\x04\x00\x41\x00\x0b"
    functions = ["_initialize", "proxy_abi_version_0_2_1", "proxy_on_memory_allocate", "proxy_on_request_headers"]
    exports = [text(name) + b"\x00" + number(index) for index, name in enumerate(functions)]
    sections = [
        section(1, [b"\x60\x00\x00", b"\x60\x01\x7f\x01\x7f", b"\x60\x03\x7f\x7f\x7f\x01\x7f"]),
        section(3, [number(kind) for kind in (0, 0, 1, 2)]),
        section(5, [b"\x00" + number(LARGE // 65536 + 1)]),
        section(7, [text("memory") + b"\x02\x00", *exports]),
        section(10, [nothing, nothing, returns_0, returns_0]),
        section(11, [b"\x00\x41\x00\x0b" + number(LARGE) + random.Random(0).randbytes(LARGE)]),
        # The name section, which is stripped. It names the module `large`.
        b"\x00\x0d" + text("name") + b"\x00\x06" + text("large"),
    ]
    return b"\0asm\1\0\0\0" + b"".join(sections)


BUILD = ["cargo", "wasmplugin", "build"]
PUBLISH = ["cargo", "wasmplugin", "publish"]
PLAIN = ["cargo", "build", "--release", "--target", TARGET]


def high_water_mark(pid):
    """The peak memory of a process in bytes; 0 before it has called exec, and after it has ended."""
    try:
        if os.readlink(f"/proc/{pid}/exe") == os.readlink("/proc/self/exe"):
            return 0
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def difference_row(what, ours, other, limit):
    more = ours - other
    shown = f"{more * 1e3:+.0f} ms", f"{limit * 1e3:+.0f} ms"
    return what, milliseconds(ours), milliseconds(other), *shown, verdict(more, limit)


def ratio_row(what, ours, other, limit, unit):
    # Judges the rounded ratio, as shown.
    ratio = round(ours / other, 2)
    shown = "" if limit is None else f"{limit:.2f}x"
    return what, unit(ours), unit(other), f"{ratio:.2f}x", shown, verdict(ratio, limit)


def absolute_row(what, ours, other, limit, unit):
    shown = "" if limit is None else unit(limit)
    return what, unit(ours), "" if other is None else unit(other), "", shown, verdict(ours, limit)


def verdict(measured, limit):
    if limit is None:
        return ""
    return "ok" if measured <= limit else "**missed**"


def milliseconds(seconds):
    return f"{seconds * 1e3:.1f} ms"


def kilobytes(size):
    return f"{size / 1e3:.1f} kB"


def mebibytes(size):
    return f"{size / MIB:.1f} MiB"


def say(what):
    print(f"bench: {what}", file=sys.stderr, flush=True)


def fail(directory, command, said):
    print(said, file=sys.stderr)
    sys.exit(f"bench: error: {shlex.join(str(word) for word in command)} failed in {directory}")


if __name__ == "__main__":
    main()
