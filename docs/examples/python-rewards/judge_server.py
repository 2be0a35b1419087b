"""A reward behind an address. `judge` stands for a language model that judges. Standard library only."""
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def judge(sample):
    words = len(sample["completion"].split())
    return {"score": min(words / 20, 1.0), "reason": f"{words} words, 20 are wanted"}


class Judge(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open between batches
    disable_nagle_algorithm = True  # and answers leave at once

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        scores = [judge(sample) for sample in request["samples"]]
        body = json.dumps({"id": request["id"], "scores": scores}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
server = ThreadingHTTPServer(("127.0.0.1", port), Judge)
print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
