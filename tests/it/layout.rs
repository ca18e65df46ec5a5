//! Every file under `kernels/` parses, and agrees with the host's declaration in bindings, access, strides,
//! offsets and workgroup size; every kernel has a CPU twin of the same stem.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use naga::{AddressSpace, StorageAccess, TypeInner};
use sora_director::gpu::Access;

fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            walk(&path, extension, found);
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
}

fn struct_fields(module: &naga::Module, ty: naga::Handle<naga::Type>) -> Vec<(String, usize)> {
    match &module.types[ty].inner {
        TypeInner::Struct { members, .. } => members
            .iter()
            .map(|m| (m.name.clone().unwrap_or_default(), m.offset as usize))
            .collect(),
        _ => Vec::new(),
    }
}

fn owned(fields: &[(&str, usize)]) -> Vec<(String, usize)> {
    fields.iter().map(|(n, o)| ((*n).to_owned(), *o)).collect()
}

/// The path of a kernel's twin behind `crate::`.
fn twin_of(stem: &str) -> String {
    let (stage, name) = stem.split_once('/').expect("stage/name");
    format!("{stage}::twins::{name}::twin")
}

#[test]
fn kernels_match_their_declarations() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
    let declared: BTreeMap<_, _> = sora_director::kernels::all()
        .into_iter()
        .map(|k| (k.stem, k))
        .collect();
    let mut files = Vec::new();
    walk(&root, "wgsl", &mut files);
    let mut entry_points = 0;
    let sources = rust_texts("src").join("\n");
    let named: BTreeSet<String> = sources
        .split("twin crate::")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(',')?.0.to_owned()))
        .collect();
    assert_eq!(named.len(), declared.len(), "a twin for each kernel");
    for file in &files {
        let text = std::fs::read_to_string(file).expect("text");
        let relative = file.strip_prefix(&root).expect("prefix").with_extension("");
        let stem = relative.to_str().expect("utf-8").replace('\\', "/");
        if !text.contains("@compute") {
            assert!(
                stem.starts_with("shared/"),
                "{stem}: no entry point, and not under kernels/shared/"
            );
            continue;
        }
        entry_points += 1;
        let kernel = declared
            .get(stem.as_str())
            .unwrap_or_else(|| panic!("{stem}: no host declaration"));
        let twin = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src")
            .join(stem.replacen("/", "/twins/", 1))
            .with_extension("rs");
        assert!(twin.exists(), "{stem}: no CPU twin at {}", twin.display());
        assert!(
            named.contains(&twin_of(&stem)),
            "{stem}: its declaration does not name {}",
            twin_of(&stem)
        );
        let source = kernel.source();
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|e| panic!("{stem}: {}", e.emit_to_string(&source)));
        naga::valid::Validator::new(
            naga::valid::ValidationFlags::all(),
            naga::valid::Capabilities::all(),
        )
        .validate(&module)
        .unwrap_or_else(|e| panic!("{stem}: {}", e.emit_to_string(&source)));
        let [entry] = module.entry_points.as_slice() else {
            panic!("{stem}: one entry point a kernel")
        };
        assert_eq!(entry.name, "main", "{stem}: entry point");
        assert_eq!(
            entry.workgroup_size, kernel.workgroup,
            "{stem}: workgroup size"
        );
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).expect("layout");
        let mut storage = BTreeMap::new();
        let mut params = false;
        for (_, var) in module.global_variables.iter() {
            let Some(binding) = &var.binding else {
                continue;
            };
            assert_eq!(binding.group, 0, "{stem}: group of {:?}", var.name);
            match var.space {
                AddressSpace::Uniform => {
                    assert_eq!(binding.binding, 0, "{stem}: params are at binding 0");
                    assert_eq!(
                        layouter[var.ty].size as usize, kernel.params_size,
                        "{stem}: size of params"
                    );
                    assert_eq!(
                        struct_fields(&module, var.ty),
                        owned(kernel.params_fields),
                        "{stem}: fields of params"
                    );
                    params = true;
                }
                AddressSpace::Storage { access } => {
                    let TypeInner::Array { base, stride, .. } = module.types[var.ty].inner else {
                        panic!("{stem}: {:?} is not an array", var.name)
                    };
                    let access = if access.contains(StorageAccess::STORE) {
                        Access::ReadWrite
                    } else {
                        Access::Read
                    };
                    storage.insert(
                        binding.binding,
                        (
                            var.name.clone().unwrap_or_default(),
                            access,
                            stride as usize,
                            struct_fields(&module, base),
                        ),
                    );
                }
                _ => {}
            }
        }
        assert!(params, "{stem}: no params uniform");
        let want: BTreeMap<_, _> = kernel
            .bindings
            .iter()
            .zip(1u32..)
            .map(|(b, i)| (i, (b.name.to_owned(), b.access, b.stride, owned(b.fields))))
            .collect();
        assert_eq!(storage, want, "{stem}: storage bindings");
    }
    assert_eq!(
        entry_points,
        declared.len(),
        "declared kernels without a file under kernels/"
    );
}

/// The texts of all Rust files under a folder of the package.
fn rust_texts(folder: &str) -> Vec<String> {
    let mut files = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    walk(&root, "rs", &mut files);
    files
        .iter()
        .map(|file| std::fs::read_to_string(file).expect("text"))
        .collect()
}

#[test]
fn every_kernel_is_named_in_a_test() {
    // `static NAME: Kernel = kernel!("stem", ...`
    let sources = rust_texts("src");
    let names: BTreeMap<&str, &str> = sources
        .iter()
        .flat_map(|text| text.split("static ").skip(1))
        .filter_map(|rest| {
            let (name, rest) = rest.split_once(": Kernel =")?;
            Some((rest.split('"').nth(1)?, name))
        })
        .collect();
    let tests = rust_texts("tests/it");
    let words: BTreeSet<&str> = tests
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .collect();
    let untested: Vec<&str> = sora_director::kernels::all()
        .iter()
        .map(|kernel| kernel.stem)
        .filter(|stem| names.get(stem).is_none_or(|name| !words.contains(name)))
        .collect();
    assert!(untested.is_empty(), "no parity test: {untested:?}");
}

#[test]
fn numbers_from_memory_are_not_mixed_by_the_device() {
    // What the device's own mix makes of an infinity is its choice (shared/mix). Those two mix packed bytes.
    let bytes_only = ["search.wgsl", "densify.wgsl"];
    for folder in ["motion", "score", "world"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("kernels")
            .join(folder);
        for entry in std::fs::read_dir(root).expect("kernels") {
            let path = entry.expect("kernel").path();
            let text = std::fs::read_to_string(&path).expect("kernel");
            let exempt = bytes_only.iter().any(|name| path.ends_with(name));
            let own = |at: usize| {
                let before = text[..at].chars().next_back();
                before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
            };
            let mixes = text.match_indices("mix(").any(|(at, _)| !own(at));
            assert!(exempt || !mixes, "{}", path.display());
        }
    }
}

#[test]
fn no_stage_asks_the_adapter_itself() {
    let mut files = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    walk(&root, "rs", &mut files);
    let mut asked = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).expect("inside");
        // People are told of the adapter, and CUDA asks for what only it needs; what kernels may count on stands in
        // `gpu::caps`.
        if ["gpu", "cli", "bench", "video/cuda"]
            .iter()
            .any(|room| inside.starts_with(room))
        {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("text");
        for question in [
            "device().limits()",
            "device().features()",
            ".summary().subgroup",
            ".summary().max_",
        ] {
            if text.contains(question) {
                asked.push(format!("{}: {question}", inside.display()));
            }
        }
    }
    assert!(asked.is_empty(), "ask Gpu::caps: {asked:?}");
}

/// Bounds of loops stand in kernels as constants, and on the host where it reckons with them.
#[test]
fn constants_are_the_same_on_both_sides() {
    use sora_director::agent::walk::{MOST_STRIDE, PATIENCE, STEPS, WALK};
    let source = WALK.source();
    let module = naga::front::wgsl::parse_str(&source).expect("a kernel");
    for (name, host) in [
        ("STEPS", STEPS),
        ("MOST_STRIDE", MOST_STRIDE),
        ("PATIENCE", PATIENCE),
    ] {
        let of = |c: &naga::Constant| c.name.as_deref() == Some(name);
        let (_, constant) = module.constants.iter().find(|(_, c)| of(c)).expect(name);
        let naga::Expression::Literal(naga::Literal::U32(value)) =
            module.global_expressions[constant.init]
        else {
            panic!("{name} is no u32")
        };
        assert_eq!(value, host, "{name}");
    }
}
