//! What to do about an operator that is not supported: by its domain, its name and the model's opset.

use candle_onnx::onnx::{FunctionProto, NodeProto};

use super::{LATEST_OPSET, table};

/// The mend for a node that cannot be run, in words that follow a semicolon.
pub(super) fn mend(node: &NodeProto, opset: i64, functions: &[FunctionProto]) -> String {
    let (name, domain) = (node.op_type.as_str(), node.domain.as_str());
    if name == "EPContext" {
        return "the network is compiled for one device: take the ONNX export that it was made from"
            .into();
    }
    if is_quantised(name) {
        return "the network is quantised: take the float export (float32 or float16) instead of the int8 or int4 one"
            .into();
    }
    if functions
        .iter()
        .any(|f| f.name == name && f.domain == domain)
    {
        return "it is a function of the file's own: export again with functions inlined (onnx.inliner.inline_local_functions)"
            .into();
    }
    match domain {
        "" | "ai.onnx" => standard(name, opset),
        "com.microsoft" | "com.microsoft.nchwc" | "com.ms.internal.nhwc" => {
            "it comes from ONNX Runtime's optimiser: take the export as it was before, or one saved with \
             ORT_ENABLE_BASIC at most"
                .into()
        }
        domain if domain.starts_with("org.pytorch") => {
            "PyTorch left it untranslated: export again with a newer torch.onnx.export, opset 17 or later"
                .into()
        }
        domain => format!(
            "it belongs to '{domain}', not to ONNX: take the export without that vendor's or library's operators"
        ),
    }
}

fn standard(name: &str, opset: i64) -> String {
    match table::find(name) {
        // Known, but not in this opset.
        Some(known) if opset < *known.opsets.start() => {
            let from = (*known.opsets.start()).max(17);
            format!("export again with opset {from}")
        }
        Some(known) if opset <= LATEST_OPSET => format!(
            "ONNX has had none since opset {}: the file is faulty, export it again",
            known.opsets.end() + 1
        ),
        _ if opset > LATEST_OPSET => format!("export again with opset 17 to {LATEST_OPSET}"),
        _ if matches!(name, "Loop" | "Scan") || name.starts_with("Sequence") => {
            "export again with a fixed input size, which leaves no control flow (onnxsim removes what is left)".into()
        }
        _ => "no opset has a way around it: take another export or another network".into(),
    }
}

/// Operators of networks in integers, of ONNX and of the vendors' domains.
fn is_quantised(name: &str) -> bool {
    const PARTS: [&str; 9] = [
        "quant",
        "qlinear",
        "integer",
        "nbits",
        "bnb4",
        "fpq4",
        "qattention",
        "qgemm",
        "fixneuron",
    ];
    let name = name.to_ascii_lowercase();
    PARTS.iter().any(|part| name.contains(part)) || name == "qmoe"
}

/// Whether only quantised networks have weights of this element type.
pub(super) fn is_quantised_type(number: i32) -> bool {
    // Float8, and all types of less than a byte.
    (17..=28).contains(&number)
}
