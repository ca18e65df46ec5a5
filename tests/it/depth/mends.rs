//! Operators that cannot be run: each with the mend that fits, not with one that cannot help.

use candle_onnx::onnx::{FunctionProto, ModelProto};
use sora_director::onnx::{LATEST_OPSET, Plan};

use super::make::{Net, node, says};

fn refused(op: &str, domain: &str, opset: i64) -> String {
    Plan::build(model(op, domain, opset))
        .unwrap_err()
        .to_string()
}

fn model(op: &str, domain: &str, opset: i64) -> ModelProto {
    let mut foreign = node(op, &["mean"], &["depth"]);
    foreign.domain = domain.into();
    let mut net = Net::mean("mean").node(foreign).output("depth");
    net.outputs.remove(0);
    net.opset = opset;
    net.model()
}

#[test]
fn quantised_networks_are_to_be_taken_as_floats() {
    for (op, domain) in [
        ("DynamicQuantizeLinear", ""),
        ("QuantizeLinear", ""),
        ("DequantizeLinear", ""),
        ("QLinearConv", ""),
        ("ConvInteger", ""),
        ("MatMulInteger", ""),
        ("MatMulNBits", "com.microsoft"),
        ("QLinearAdd", "com.microsoft"),
        ("DynamicQuantizeMatMul", "com.microsoft"),
        ("QAttention", "com.microsoft"),
        ("BFPQuantizeDequantize", "com.amd.quark"),
        ("VitisQuantizeLinear", "com.vai.quantize"),
    ] {
        let error = refused(op, domain, 17);
        says(&error, &["the_", op, "quantised", "float export"]);
        assert!(!error.contains("with opset"), "{error}");
    }
}

#[test]
fn other_domains_get_their_own_mends() {
    for (op, domain, mend) in [
        ("FusedConv", "com.microsoft", "ONNX Runtime's optimiser"),
        (
            "SkipLayerNormalization",
            "com.microsoft",
            "ORT_ENABLE_BASIC",
        ),
        ("Conv", "com.microsoft.nchwc", "ONNX Runtime's optimiser"),
        ("EPContext", "com.microsoft", "compiled for one device"),
        ("TRTBatchedNMS", "trt.plugins", "'trt.plugins'"),
        ("ATen", "org.pytorch.aten", "torch.onnx.export"),
    ] {
        let error = refused(op, domain, 17);
        says(&error, &[&format!("{domain}.{op}"), mend]);
        assert!(!error.contains("again with opset"), "{error}");
    }
    let mut own = model("Gelu", "pkg.library", 17);
    own.functions = vec![FunctionProto {
        name: "Gelu".into(),
        domain: "pkg.library".into(),
        ..Default::default()
    }];
    says(
        &Plan::build(own).unwrap_err().to_string(),
        &["functions inlined"],
    );
}

#[test]
fn an_opset_is_only_asked_for_where_it_helps() {
    says(&refused("Relu", "", 6), &["opset 6", "again with opset 17"]);
    says(&refused("Gelu", "", 17), &["again with opset 20"]);
    let newer = format!("again with opset 17 to {LATEST_OPSET}");
    says(&refused("Relu", "", LATEST_OPSET + 1), &[&newer]);
    for (op, mend) in [
        ("Det", "another export"),
        ("Loop", "fixed input size"),
        ("Upsample", "since opset 10"),
    ] {
        let error = refused(op, "", 17);
        says(&error, &[op, "opset 17", mend]);
        assert!(!error.contains("with opset"), "{error}");
    }
    let mut silent = model("Relu", "", 17);
    silent.opset_import.clear();
    says(
        &Plan::build(silent).unwrap_err().to_string(),
        &["opset", "export it again"],
    );
}

/// Weights in types that only quantised networks have.
#[test]
fn weights_of_less_than_a_byte_are_named() {
    for (number, name) in [(22, "int4"), (21, "uint4"), (17, "float8e4m3fn")] {
        let mut model = Net::mean("depth").model();
        model.graph.as_mut().unwrap().initializer[0].data_type = number;
        let error = Plan::build(model).unwrap_err().to_string();
        says(&error, &["'third_depth'", name, "float export"]);
    }
}
