"""A stand-in for the Hugging Face hub: as much of its HTTP as downloads and uploads need."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


class Standin(ThreadingHTTPServer):
    """Repositories in memory: ``owner/name`` → name of a file → its content.

    Attributes:
        private: repositories that only their owner sees. asked: every request, as 'GET /…'.
        broken: the status with which everything is answered, if not 0.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.asked: list[str] = []
        self.broken = 0
        self.ended = False
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def commit(self, repository):
        told = sorted((name, hash_of(data)) for name, data in self.files[repository].items())
        return hashlib.sha1(json.dumps(told).encode()).hexdigest()

    def end(self):
        if not self.ended:
            self.ended = True
            self.shutdown()
            self.server_close()


def hash_of(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"  # a connection for each request: none outlives the server

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.answer_about()

    def do_HEAD(self):
        self.answer_about()

    def answer_about(self):
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        self.server.asked.append(f"{self.command} {self.path}")
        if self.server.broken:
            return self.answer(self.server.broken, {"error": "broken"})
        if parts[:2] == ["api", "models"]:
            repository, what = "/".join(parts[2:4]), parts[4:]
        else:
            repository, what = "/".join(parts[:2]), parts[2:]
        files = self.server.files.get(repository)
        if files is None:
            return self.answer(401, {"error": "Invalid username or password."})
        commit = self.server.commit(repository)
        if len(what) > 1 and what[1] not in ("main", commit):
            headers = {"X-Error-Code": "RevisionNotFound"}
            return self.answer(404, {"error": "no revision"}, headers)
        listed = [
            {"type": "file", "path": name, "size": len(data), "oid": hash_of(data)}
            for name, data in files.items()
        ]
        if not what or what[0] == "revision":
            siblings = [{"rfilename": one["path"], **one} for one in listed]
            told = {"id": repository, "_id": "1", "sha": commit, "siblings": siblings, "tags": []}
            return self.answer(200, told)
        if what[0] == "tree":
            return self.answer(200, listed)
        assert what[0] == "resolve", self.path
        data = files.get("/".join(what[2:]))
        if data is None:
            return self.answer(404, {"error": "no file"}, {"X-Error-Code": "EntryNotFound"})
        headers = {"ETag": f'"{hash_of(data)}"', "X-Repo-Commit": commit}
        return self.answer(200, data, headers)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(f"POST {self.path}")
        parts = urlsplit(self.path).path.strip("/").split("/")
        token = self.headers.get("Authorization")
        if self.server.broken:
            return self.answer(self.server.broken, {"error": "broken"})
        if token != "Bearer hf_standin":
            return self.answer(401, {"error": "Invalid username or password."})
        if parts == ["api", "repos", "create"]:
            told = json.loads(body)
            repository = f"{told['organization']}/{told['name']}"
            if told["organization"] != "me":
                return self.answer(403, {"error": "no rights in this namespace"})
            there = repository in self.server.files
            self.server.files.setdefault(repository, {})
            self.server.private.setdefault(
                repository, told.get("visibility") == "private" or bool(told.get("private"))
            )
            told = {"url": f"{self.server.address}/{repository}"}
            return self.answer(409 if there else 200, told)
        if parts[:2] == ["api", "validate-yaml"]:
            return self.answer(200, {"errors": [], "warnings": []})
        repository, what = "/".join(parts[2:4]), parts[4]
        if what == "preupload":
            files = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False}
                     for one in json.loads(body)["files"]]  # fmt: skip
            return self.answer(200, {"files": files})
        assert what == "commit", self.path
        files = self.server.files[repository]
        for line in map(json.loads, body.decode().splitlines()):
            if line["key"] == "file":
                assert line["value"]["encoding"] == "base64"
                files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "deletedFile":
                del files[line["value"]["path"]]
        commit = self.server.commit(repository)
        told = {"commitUrl": f"{self.server.address}/{repository}/commit/{commit}",
                "commitOid": commit, "success": True}  # fmt: skip
        return self.answer(200, told)

    def answer(self, status, content, headers=None):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if not isinstance(content, bytes):
            self.send_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
