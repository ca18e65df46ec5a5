//! `If`: what a faulty one says, and that what no run takes is not asked for. What right ones answer: tests/golden/branch.onnx.

use candle_onnx::onnx::tensor_proto::{DataLocation, DataType};
use candle_onnx::onnx::{
    AttributeProto, GraphProto, NodeProto, SparseTensorProto, StringStringEntryProto, TensorProto,
};
use sora_director::onnx::{Plan, input_tensor, output_floats};

use super::make::{Net, floats, node, port, says, with};

fn graph(nodes: Vec<NodeProto>, outputs: &[&str]) -> GraphProto {
    GraphProto {
        node: nodes,
        output: outputs
            .iter()
            .map(|name| port(name, DataType::Float, &[]))
            .collect(),
        ..Default::default()
    }
}

fn one(op: &str, reads: &[&str]) -> GraphProto {
    graph(vec![node(op, reads, &["o"])], &["o"])
}

fn held(name: &str, graph: GraphProto) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        g: Some(graph),
        r#type: 5,
        ..Default::default()
    }
}

/// `y` by one graph or the other.
fn choose(condition: &str, then: GraphProto, other: GraphProto) -> NodeProto {
    with(
        node("If", &[condition], &["y"]),
        vec![held("then_branch", then), held("else_branch", other)],
    )
}

fn truth(name: &str, dims: &[i64], values: &[u8]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Bool as i32,
        raw_data: values.to_vec(),
        ..Default::default()
    }
}

/// From `x` to `y`; `yes` holds always, `half` has two values.
fn net(choose: NodeProto) -> Net {
    Net::new(DataType::Float, &["n"])
        .weight(truth("yes", &[], &[1]))
        .weight(truth("half", &[2], &[1, 0]))
        .weight(floats("v", &[1], &[0.5]))
        .node(choose)
        .output("y")
}

/// `then` where `x` is over .5, else `-x`.
fn where_large(then: GraphProto) -> Plan {
    let mut net = net(choose("large", then, one("Neg", &["x"])));
    net.nodes
        .insert(0, node("Greater", &["x", "v"], &["large"]));
    Plan::build(net.model()).unwrap()
}

fn run(plan: &Plan, x: &[f32]) -> Result<Vec<f32>, String> {
    let x = input_tensor(x.to_vec(), &[x.len()]).unwrap();
    let answer = plan.run(&[x]).map_err(|e| e.to_string())?;
    output_floats(&answer[0]).map_err(|e| e.to_string())
}

#[test]
fn a_branch_that_is_never_taken_may_hold_anything() {
    let plan =
        Plan::build(net(choose("yes", one("Neg", &["x"]), one("Det", &["x"]))).model()).unwrap();
    assert_eq!(run(&plan, &[1.0, 2.0]).unwrap(), [-1.0, -2.0]);
    // What needs nothing but constants is made when the file is read.
    let model = net(choose("yes", one("Neg", &["v"]), one("Det", &["x"]))).model();
    let plan = Plan::build(model).unwrap();
    assert_eq!(plan.steps(), 0);
    assert_eq!(run(&plan, &[1.0]).unwrap(), [-0.5]);
}

/// A node of another kind may hold a graph for no reason: what that reads is no input of the node.
#[test]
fn only_an_if_reads_what_its_graphs_read() {
    let mut stray = with(
        node("Sum", &["x", "v"], &["y"]),
        vec![held("then_branch", one("Neg", &["x"]))],
    );
    stray.name = "the_sum".into();
    let plan = Plan::build(net(stray).model()).unwrap();
    assert_eq!(run(&plan, &[1.0]).unwrap(), [1.5]);
}

/// What only a graph inside a node reads lives until that node has run, and a value with that reader is not swallowed by what runs as one.
#[test]
fn what_a_branch_reads_is_kept_for_it() {
    let mut net = Net::new(DataType::Float, &["n", "2"])
        .weight(floats("w", &[2, 2], &[1.0, 0.0, 0.0, -1.0]))
        .weight(floats("b", &[2], &[0.5, 1.0]))
        .weight(floats("none", &[], &[0.0]))
        .node(node("MatMul", &["x", "w"], &["m"]))
        .node(node("Add", &["m", "b"], &["a"]))
        .node(node("Relu", &["a"], &["r"]))
        .node(with(
            node("ReduceSum", &["r"], &["s"]),
            vec![super::make::int("keepdims", 0)],
        ))
        .node(node("Greater", &["s", "none"], &["some"]));
    net = net
        .node(choose("some", one("Neg", &["a"]), one("Neg", &["m"])))
        .output("y");
    let plan = Plan::build(net.model()).unwrap();
    for (x, want) in [([1.0, 2.0], [-1.5, 1.0]), ([-1.0, 2.0], [1.0, 2.0])] {
        let x = input_tensor(x.to_vec(), &[1, 2]).unwrap();
        let y = plan.run(&[x]).unwrap();
        assert_eq!(output_floats(&y[0]).unwrap(), want);
    }
}

#[test]
fn faulty_ones_are_told() {
    let relu = || one("Relu", &["x"]);
    let mut sparse = relu();
    sparse.sparse_initializer = vec![SparseTensorProto::default()];
    let mut twice = relu();
    twice.initializer = vec![floats("o", &[1], &[1.0])];
    let mut text = choose("yes", relu(), relu());
    text.attribute[0].r#type = 3;
    let alone = with(
        node("If", &["yes"], &["y"]),
        vec![held("else_branch", relu())],
    );
    let long = "v".repeat(9 << 20);
    let none = choose("", relu(), relu());
    let mut two = choose("yes", relu(), relu());
    two.input.push("half".into());
    let deep = (0..20).fold(relu(), |inner, _| {
        let mut choose = choose("yes", inner, relu());
        choose.output = vec!["o".into()];
        graph(vec![choose], &["o"])
    });
    for (choose, parts) in [
        (
            node("If", &["yes"], &["y"]),
            vec!["'the_if'", "then_branch"],
        ),
        (alone, vec!["'the_if'", "then_branch"]),
        (text, vec!["'the_if'", "'then_branch'", "wrong type"]),
        (
            choose("half", relu(), relu()),
            vec!["'the_if'", "condition", "[2]"],
        ),
        (
            choose("v", relu(), relu()),
            vec!["'the_if'", "condition", "F32"],
        ),
        (choose("gone", relu(), relu()), vec!["'the_if'", "'gone'"]),
        (
            choose("yes", one("Relu", &["gone"]), relu()),
            vec!["'the_if'", "'gone'"],
        ),
        (
            choose("yes", one("Det", &["x"]), relu()),
            vec!["'the_det'", "opset 17"],
        ),
        (
            choose("yes", one("Concat", &["x"]), relu()),
            vec!["'the_concat'", "'axis'"],
        ),
        (
            choose("yes", graph(vec![], &[]), relu()),
            vec!["'then_branch' of node 'the_if'", "no outputs"],
        ),
        (
            choose(
                "yes",
                graph(vec![node("Relu", &["x"], &["o"])], &["o", "x"]),
                relu(),
            ),
            vec!["'the_if'", "2 outputs", "1"],
        ),
        (
            choose("yes", sparse, relu()),
            vec!["'then_branch'", "sparse"],
        ),
        (choose("yes", twice, relu()), vec!["two values", "'o'"]),
        (
            choose("yes", one("Relu", &[&long]), relu()),
            vec!["read too much"],
        ),
        (none, vec!["'the_if'", "by 0 values"]),
        (two, vec!["'the_if'", "by 2 values"]),
        (choose("yes", deep, relu()), vec!["more than 11 graphs"]),
    ] {
        let error = Plan::build(net(choose).model()).unwrap_err().to_string();
        says(&error, &parts);
    }
}

/// What one branch would fail with is no matter where the other is asked for.
#[test]
fn constants_that_fail_wait_for_a_run_that_needs_them() {
    // No element 5 is in a list of one.
    let mut gather = one("Gather", &["v", "five"]);
    gather.initializer = vec![super::make::longs("five", &[5])];
    let plan = where_large(gather);
    assert_eq!(run(&plan, &[0.25]).unwrap(), [-0.25]);
    says(
        &run(&plan, &[0.75]).unwrap_err(),
        &["'the_if'", "'the_gather'"],
    );
}

/// In a run: a condition of several values, a node of the branch that is taken.
#[test]
fn what_fails_in_a_run_names_the_node_inside() {
    let plan = where_large(one("Conv", &["x", "x"]));
    assert_eq!(run(&plan, &[0.25]).unwrap(), [-0.25]);
    says(
        &run(&plan, &[0.75]).unwrap_err(),
        &["'the_if'", "'the_conv'"],
    );
    says(
        &run(&plan, &[0.75, 0.0]).unwrap_err(),
        &["'the_if'", "condition", "[2]"],
    );
}

/// Exporters put large weights beside the network, also those of graphs inside nodes.
#[test]
fn weights_of_a_branch_may_lie_beside_the_network() {
    let entry = |key: &str, value: &str| StringStringEntryProto {
        key: key.into(),
        value: value.into(),
    };
    let mut inside = one("Mul", &["x", "w"]);
    inside.initializer = vec![TensorProto {
        raw_data: Vec::new(),
        data_location: DataLocation::External as i32,
        external_data: vec![entry("location", "net.data"), entry("length", "4")],
        ..floats("w", &[1], &[0.0])
    }];
    let folder = tempfile::tempdir().unwrap();
    let net = net(choose("yes", inside, one("Neg", &["x"])));
    let path = net.save(folder.path(), "net.onnx");
    says(
        &Plan::read(&path).unwrap_err().to_string(),
        &["'w'", "net.data"],
    );
    std::fs::write(folder.path().join("net.data"), 3.0f32.to_le_bytes()).unwrap();
    let plan = Plan::read(&path).unwrap();
    assert_eq!(plan.files()[0].0, "net.data");
    assert_eq!(run(&plan, &[2.0]).unwrap(), [6.0]);
}
