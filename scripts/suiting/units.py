"""What the suites are made of: their units, what is put on the disk for them, and how their output reads."""
import os
import re
import tarfile

PACKAGES = "busybox-static diffutils findutils gawk gcc gzip bzip2 libc6-dev libpython3.11-testsuite make perl procps python3 tar xz-utils"
PYTHON = """test_asyncio.test_subprocess test_asyncio.test_unix_events test_eintr test_epoll test_fcntl test_file test_fileio test_fork1 test_glob
    test_io test_largefile test_mmap test_os test_pathlib test_pipes test_poll test_popen test_posix test_pty test_pwd test_resource test_select
    test_selectors test_shutil test_signal test_socket test_socketserver test_stat test_subprocess test_tempfile test_thread test_threading
    test_threading_local test_threadsignals test_time test_wait3 test_wait4""".split()
PERL = ("op", "io")
BUSYBOX_NEW = re.compile(r"^testsuite/([^/]+)\.tests$")
BUSYBOX_OLD = re.compile(r"^testsuite/([^/]+)/[^/]+$")


def tar_names(build, suite):
    with tarfile.open(os.path.join(build, "suites", suite + ".tar")) as t:
        return t.getnames()


def units(build, suite):
    if suite == "python":
        return sorted(PYTHON)
    names = tar_names(build, suite)
    if suite == "perl":
        return sorted(n[2:-2] for n in names if n.endswith(".t") and n.split("/")[1] in PERL)
    found = (BUSYBOX_NEW.match(n) or BUSYBOX_OLD.match(n) for n in names)
    return sorted({m[1] for m in found if m})


def tap(text):
    """(word, key, name) for each point of a Perl test: known by its number, since some names differ with each run."""
    for bad, number, name in re.findall(r"^(not )?ok\b *(\d+)? *(.*)$", text, re.M):
        name = re.sub(r"[^ -~]", "?", name).strip()
        word = "skip" if re.search(r"# *skip", name, re.I) else "fail" if bad and not re.search(r"# *TODO", name) else "ok"
        yield word, number, (f"{number} " + re.sub(r"^- *|\s*# *(skip|TODO).*", "", name, flags=re.I)).strip()
    if re.search(r"^1\.\.0\b", text, re.M):
        yield "skip", "0", "all of it"


def busybox(text):
    words = {"PASS": "ok", "FAIL": "fail", "SKIPPED": "skip", "UNTESTED": "skip"}
    for word, name in re.findall(r"^(PASS|FAIL|SKIPPED|UNTESTED): (.*)$", text, re.M):
        yield words[word], name.strip(), name.strip()


def python(text):
    for word, name in re.findall(r"^@(ok|fail|skip) (.*)$", text, re.M):
        yield word, name.strip(), name.strip()


READERS = {"busybox": busybox, "perl": tap, "python": python}


def read(suite, text, status):
    """{key: (word, name)} of one unit's output. What ends by a signal or by its time limit fails in a test of its own."""
    results = {}
    for word, key, name in READERS[suite](text):
        n = 1
        while (key, n) in results:
            n += 1
        results[key, n] = word, name
    results["end", 1] = "ok" if status < 124 else "fail", "it ends by itself"
    return results
