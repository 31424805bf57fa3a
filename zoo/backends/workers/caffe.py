"""The original Caffe, on the CPU. A file that it does not like aborts the process: the log's last line says why."""

import tempfile
from pathlib import Path

NAME = "caffe"
READS = ["caffe"]
NEEDS = ["caffe"]
ENV = {
    "pythons": ["3.8", "3.9", "3.7"],
    # The prebuilt wheel of Kendryte's compiler: BVLC Caffe 1.0 with CPU layers. It predates protobuf's new runtime
    # (3.21) and numpy's removal of np.float and np.bool (1.24).
    "requirements": ["kendryte-caffe==1.0.0.20210829", "protobuf<3.21", "numpy<1.24"],
}

_PROBE = """
input: "data" input_shape { dim: 1 dim: 2 }
layer { name: "out" type: "Power" bottom: "data" top: "out" power_param { scale: 2 shift: 1 } }
"""


def load(kind: str, files: dict, options: dict) -> object:
    """Build the net in its TEST phase; without weights its fillers draw from seed 0."""
    import caffe

    _demand_known(files["graph"], caffe.layer_type_list())
    caffe.set_mode_cpu()
    caffe.set_random_seed(0)
    if "weights" in files:
        return caffe.Net(files["graph"], caffe.TEST, weights=files["weights"])
    return caffe.Net(files["graph"], caffe.TEST)


def _demand_known(graph: str, kinds: list) -> None:
    """Refuse in words what would abort the process: layers and fields of a fork that this Caffe does not have."""
    from caffe.proto import caffe_pb2
    from google.protobuf import text_format

    net = caffe_pb2.NetParameter()
    try:
        text_format.Merge(Path(graph).read_text(encoding="utf-8", errors="replace"), net)
    except text_format.ParseError as fault:
        if "no field named" in str(fault):
            raise ValueError("this Caffe cannot read the prototxt: " + str(fault)) from None
        return  # Caffe's own parser has the last word on everything else
    unknown = sorted({layer.type for layer in net.layer} - set(kinds))
    if unknown:
        raise ValueError("this Caffe has no layers of the type " + ", ".join(unknown))


def inputs(net: object) -> list:
    """Names of the blobs that the net expects to be fed."""
    return list(net.inputs)


def run(net: object, fed: dict, outputs: list) -> dict:
    """Reshape the inputs to what is fed and run forward.

    `outputs` may name any blob, and by `layer:NAME` what a layer leaves in its first top before others overwrite it.
    """
    for name, array in fed.items():
        net.blobs[name].reshape(*array.shape)
    net.reshape()
    for name, array in fed.items():
        net.blobs[name].data[...] = array
    wanted = list(net.outputs) if outputs is None else outputs
    layers = ["layer:" + name for name in net._layer_names]  # noqa: SLF001 - pycaffe's forward() names layers so
    unknown = [name for name in wanted if name not in net.blobs and name not in layers]
    if unknown:
        raise ValueError(f"no blob named {', '.join(unknown)}; the net has {', '.join(net.blobs)}")
    passing = {}
    if set(wanted) - set(net.blobs):
        for index, name in enumerate(layers):
            net._forward(index, index)  # noqa: SLF001 - one layer; forward() would start and end by name
            if name in wanted:
                passing[name] = net.blobs[net.top_names[name[len("layer:") :]][0]].data.copy()
    else:
        net.forward()
    return {name: net.blobs[name].data.copy() if name in net.blobs else passing[name] for name in wanted}


def versions() -> dict:
    """Caffe's own version and numpy's."""
    import caffe
    import numpy as np

    return {"caffe": caffe.__version__, "numpy": np.__version__}


def probe() -> None:
    """2 x + 1 through a one-layer net: importing alone does not prove that Caffe can run."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "probe.prototxt"
        graph.write_text(_PROBE, encoding="ascii")
        out = run(load("caffe", {"graph": str(graph)}, {}), {"data": np.array([[1, 2]], "f4")}, None)["out"]
    if out.tolist() != [[3.0, 5.0]]:
        raise RuntimeError(f"Caffe computes 2 x + 1 of [1, 2] as {out.tolist()}")
