"""Pages that were exported, and engines that are asked in a browser."""

import base64
import functools
import http.server
import threading
from contextlib import contextmanager

import numpy as np
import torch

from lik.core.artifacts import sha256_of, write_json
from lik.latent.directions.direction import Calibration
from lik.latent.guided import GuidedStatistics
from lik.models.catalogue import RefinedSettings, build
from lik.models.code_network import CodeNetwork, CodeNetworkSettings
from lik.models.paper import PaperFirstSettings
from lik.models.saved import save_model

ASK = """async ([kind, given]) => {
  const text = (view) => {
    let binary = "";
    for (const byte of new Uint8Array(view.buffer, view.byteOffset, view.byteLength)) {
      binary += String.fromCharCode(byte);
    }
    return btoa(binary);
  };
  const bytes = (one) => Uint8Array.from(atob(one), (sign) => sign.charCodeAt(0));
  const floats = (one) => new Float32Array(bytes(one).buffer);
  const plain = async (value) => {
    if (value instanceof Blob) return plain(new Uint8Array(await value.arrayBuffer()));
    if (ArrayBuffer.isView(value)) return { kind: value.constructor.name, bytes: text(value) };
    if (value instanceof Map) return plain(Object.fromEntries(value));
    if (Array.isArray(value)) return Promise.all(value.map(plain));
    if (value === null || typeof value !== "object") return value;
    const pairs = Object.entries(value).map(async ([key, one]) => [key, await plain(one)]);
    return Object.fromEntries(await Promise.all(pairs));
  };
  const picture = (one) => one && new Blob([bytes(one)], { type: "image/png" });
  const own = globalThis.engine;
  const asks = {
    about: () => own.about(),
    directions: () => own.directions(given),
    draw: () => own.draw(given),
    trajectory: () => own.trajectory(floats(given[0]), ...given.slice(1)),
    decode: () => own.decode(given.map(floats)),
    draft: () => own.draft(floats(given)),
    carry: () => own.carry(...given.slice(0, 2).map((all) => all.map(floats)), given[2].map(bytes)),
    encode: () => own.encode(picture(given[0]), given[1]),
    edit: () => own.edit(given[0], picture(given[1]), given[2]),
    attributes: () => own.mapAttributes(),
    map: () => own.map(given, () => {}),
  };
  try {
    return { value: (await plain(await asks[kind]())) ?? null };
  } catch (error) {
    return { error: error.sentence ?? String(error) };
  }
}"""
OPEN = """async ([where, given]) => {
  const { choose } = await import(`${where}/i18n.js`);
  await choose("en");
  const module = await import(`${where}/${given ? "engine.js" : "browserengine.js"}`);
  globalThis.engine = given ? new module.ServerEngine(...given) : new module.BrowserEngine();
  const { about } = await import(`${where}/state.js`);
  about.value = await globalThis.engine.about();
}"""
KINDS = {"Float32Array": "<f4", "Uint8Array": np.uint8, "Int16Array": "<i2", "Uint32Array": "<u4"}


class Asked:
    """An engine of the page: `ask` calls one of its methods, arrays as NumPy's."""

    def __init__(self, page, where, given=None):
        self.page = page
        page.evaluate(OPEN, [where, given])

    def ask(self, kind, given=None):
        """What the engine answers; a RuntimeError with its sentence where it refuses."""
        answer = self.page.evaluate(ASK, [kind, _plain(given)])
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return _arrays(answer["value"])


def _plain(value):
    if isinstance(value, np.ndarray):
        return base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _arrays(value):
    if isinstance(value, dict) and value.keys() == {"kind", "bytes"}:
        return np.frombuffer(base64.b64decode(value["bytes"]), KINDS[value["kind"]])
    if isinstance(value, dict):
        return {name: _arrays(one) for name, one in value.items()}
    return [_arrays(one) for one in value] if isinstance(value, list) else value


def save_refined(path, faces):
    """A refined run that was never trained, whose refiner adds something, in float16 numbers."""
    torch.manual_seed(3)
    settings = RefinedSettings(size=16, base=PaperFirstSettings(size=16, latent=4))
    model = build(settings)
    torch.nn.init.normal_(model.refiner.last.weight, std=0.3)
    with torch.no_grad():  # so that pictures depend on codes, and codes on pictures
        for weights in model.base.parameters():
            if weights.ndim > 1:
                weights.mul_(3)
    model.half().float()
    metadata = {"crop": {"kind": "aligned"}, "attribute_names": faces.attribute_names}
    save_model(path / "model.safetensors", model, settings, metadata)
    known = {"path": str(faces.path), "hash": faces.hash, "index_hash": faces.index_hash}
    write_json(path / "environment.json", {"format": "lik-run", "version": 1, "faces": known})
    return path


def save_guide(run, attributes=("Smiling", "Male", "Young")):
    """A network that reads codes, which was never taught, and by what it guides."""
    torch.manual_seed(5)
    settings = CodeNetworkSettings(latent=run.latent, attributes=attributes, widths=(24, 16))
    network = CodeNetwork(settings)
    with torch.no_grad():
        network.scale.copy_(torch.linspace(0.5, 1.5, run.latent))
        for weights in network.layers.parameters():
            weights.mul_(2)
    save_model(run.folder.guide, network.half(), settings, {})
    random = np.random.default_rng(5)
    GuidedStatistics(
        encoder_sha256=run.encoder_sha256, faces_sha256="f", faces="faces", attributes=attributes,
        scale=tuple(random.uniform(0.5, 1.2, run.latent)),
        along={"Smiling": tuple(random.normal(size=run.latent))},
        stds={sha256_of(run.folder.guide): (0.5, 0.7, 0.9)}, paths={},
        calibrations={name: _at(length) for name, length in (("Smiling", 0.3), ("Male", 3.0))},
        away={"Smiling": _at(1.6)},
    ).save(run.path)  # fmt: skip


def _at(length):
    return Calibration(length=length, without=0, having=1, reached=1, plain=1)


@contextmanager
def served(folder):
    """The address of a folder, served as `python -m http.server` does it."""
    kind = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *given):
        """Nothing."""
