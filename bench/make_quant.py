"""Makes another quantisation of a model's weights, the quiet swap that is hardest to find.

    python -m venv /tmp/quant && /tmp/quant/bin/pip install gguf==0.19.0
    /tmp/quant/bin/python bench/make_quant.py MODEL.gguf OUT.gguf Q4_0

Every quantised matrix is taken back to floats and quantised anew; all else is copied. It needs the
`gguf` package and no more than that, so it lives in an environment of its own. A file made from
Q4_K_M loses a little more than one made from the original weights: it is a stand-in for what a
reseller with cheaper hardware serves, not that very file. Never commit its output.
"""

import sys

import gguf

_BLOCK = 32
"""Values that share a scale in the plain formats (Q4_0, Q5_0, Q8_0)."""


def main() -> int:
    """Write the other file; return the exit code."""
    source, target, form = sys.argv[1:]
    kind = gguf.GGMLQuantizationType[form]
    reader = gguf.GGUFReader(source)
    fields = reader.fields
    writer = gguf.GGUFWriter(target, fields["general.architecture"].contents())
    for field in fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        is_list = field.types[0] is gguf.GGUFValueType.ARRAY
        writer.add_key_value(
            field.name,
            field.contents(),
            field.types[0],
            sub_type=field.types[-1] if is_list else None,
        )
    for tensor in reader.tensors:
        is_plain = tensor.tensor_type is gguf.GGMLQuantizationType.F32
        if is_plain or tensor.shape[0] % _BLOCK:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            continue
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, gguf.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
