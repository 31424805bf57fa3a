"""OpenCV 4 dnn, on the CPU: a second reader of Caffe and Torch7 files, and one more of ONNX."""

import re

NAME = "opencv"
READS = ["caffe", "onnx", "torch7"]
NEEDS = ["cv2"]
ENV = {
    "pythons": ["3.11", "3.12", "3.13", "3.10", "3.9"],
    "requirements": ["opencv-python-headless>=4.9,<5"],  # version 5 dropped the Caffe and Torch7 readers
}

_TOKEN = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[{}]|[^\s:;,{}\[\]#"']+""")
_LAYER_FIELDS = ("layer", "layers")


def load(kind: str, files: dict, options: dict) -> dict:
    """Read the net with fusion and Winograd off: the latter alone moves a convolution by 4e-5.

    What its readers do not read is a refusal, in their words.
    """
    import cv2

    cv2.setNumThreads(options["threads"])
    cv2.setRNGSeed(0)
    try:
        handle = _READERS[kind](cv2.dnn, files)
    except cv2.error as fault:
        raise ValueError(f"OpenCV does not read it: {' '.join(str(fault).split())}") from None
    handle["net"].enableFusion(fusion=False)
    handle["net"].enableWinograd(useWinograd=False)
    return handle


def inputs(handle: dict) -> list:
    """Names of a Caffe net's inputs; None for the other formats, whose reader does not tell them."""
    return handle["inputs"]


def run(handle: dict, fed: dict, outputs: list) -> dict:
    """Run forward. A name in `outputs` is a blob of the Caffe net, an output of the graph, or a layer of OpenCV's.

    `layer:NAME` is the layer NAME where a blob bears that name, too.
    """
    net, places = handle["net"], handle["places"]
    if handle.get("unnamed") and len(fed) != 1:
        raise ValueError(f"OpenCV's Torch7 reader has one input, and {len(fed)} arrays are fed")
    for name, array in fed.items():
        net.setInput(_fit(name, array), "" if handle.get("unnamed") else name)
    wanted = handle["outputs"] if outputs is None else outputs
    known = set(places) | set(net.getLayerNames()) | set(net.getUnconnectedOutLayersNames())
    unknown = [name for name in wanted if name not in known and _bare(name) not in net.getLayerNames()]
    if unknown:
        raise ValueError(f"nothing is named {', '.join(unknown)}; the outputs are {', '.join(handle['outputs'])}")
    pins = [places.get(name, (_bare(name), 0)) for name in wanted]
    layers = list(dict.fromkeys(layer for layer, _index in pins))
    blobs = dict(zip(layers, net.forwardAndRetrieve(layers)))
    return {name: blobs[layer][index].copy() for name, (layer, index) in zip(wanted, pins)}


def _bare(name: str) -> str:
    return name[len("layer:") :] if name.startswith("layer:") else name


def versions() -> dict:
    """OpenCV's version and numpy's."""
    import cv2
    import numpy as np

    return {"opencv": cv2.__version__, "numpy": np.__version__}


def probe() -> None:
    """Refuses OpenCV 5, which cannot read what this backend is for."""
    import cv2

    if int(cv2.__version__.partition(".")[0]) > 4:
        raise ValueError(f"OpenCV {cv2.__version__} has no Caffe and Torch7 readers, opencv-python-headless<5 has")


def _read_caffe(dnn: object, files: dict) -> dict:
    with open(files["graph"], encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - a plain string path
        ports, places, outputs = _blobs(file.read())
    net = dnn.readNetFromCaffe(files["graph"], *([files["weights"]] if "weights" in files else []))
    return {"net": net, "inputs": ports, "places": places, "outputs": outputs}


def _read_onnx(dnn: object, files: dict) -> dict:
    net = dnn.readNetFromONNX(files.get("graph") or next(iter(files.values())))
    return {"net": net, "inputs": None, "places": {}, "outputs": list(net.getUnconnectedOutLayersNames())}


def _read_torch7(dnn: object, files: dict) -> dict:
    net = dnn.readNetFromTorch(next(iter(files.values())), True, True)  # noqa: FBT003 - binary, evaluate
    outputs = list(net.getUnconnectedOutLayersNames())
    return {"net": net, "inputs": None, "places": {}, "outputs": outputs, "unnamed": True}


_READERS = {"caffe": _read_caffe, "onnx": _read_onnx, "torch7": _read_torch7}


def _fit(name: str, array: object) -> object:
    """OpenCV's blobs are float32, or int32 for indices."""
    import numpy as np

    target = np.float32 if array.dtype.kind == "f" else np.int32
    fitted = np.ascontiguousarray(array, dtype=target)
    if target is np.int32 and not np.array_equal(fitted, array):
        raise ValueError(f"input {name} has values that do not fit OpenCV's int32")
    return fitted


def _blobs(prototxt: str) -> tuple:
    """Inputs, blob -> (layer that wrote it last, index of its top), and the blobs that nobody reads.

    OpenCV knows layers only: a blob that an in-place layer overwrote is read by that layer's name.
    """
    net = _parse(iter(_TOKEN.findall(prototxt)))
    ports, places, read = list(net.get("input", [])), {}, set()
    for layer in (layer for field in _LAYER_FIELDS for layer in net.get(field, [])):
        if any(rule.get("phase") == ["TRAIN"] for rule in layer.get("include", [])):
            continue
        tops = layer.get("top", [])
        if layer.get("type") == ["Input"]:
            ports += tops
            continue
        read |= set(layer.get("bottom", [])) - set(tops)
        for index, top in enumerate(tops):
            places[top] = (layer["name"][0], index)
    return ports, places, [top for top in places if top not in read]


def _parse(words: object) -> dict:
    """Fields of a text message: name -> list of strings and nested messages. Only what `_blobs` needs to be right."""
    fields = {}
    name = None
    for word in words:
        if word.startswith("#"):
            continue
        if word == "}":
            break
        if word == "{":
            fields.setdefault(name, []).append(_parse(words))
            name = None
        elif name is None:
            name = word
        else:
            fields.setdefault(name, []).append(word.strip("\"'"))
            name = None
    return fields
