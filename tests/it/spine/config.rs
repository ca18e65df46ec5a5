use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sora_director::camera::Intrinsics;
use sora_director::depth::{DepthKind, InputSize, ModelChoice};
use sora_director::key::Kind;
use sora_director::layers::{ConfigError, Origin, Resolved, Setting, Sources, resolve};
use sora_director::pipeline::keys;
use sora_director::pipeline::{Config, Preset};
use sora_director::score::{METRICS, NETWORK_SCORES};
use toml::Value;

/// A working directory with its own `director.toml`.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(text: &str) -> Self {
        let folder = Self(tempfile::tempdir().expect("tempdir"));
        std::fs::write(folder.path("director.toml"), text).expect("write");
        folder
    }
    fn empty() -> Self {
        Self(tempfile::tempdir().expect("tempdir"))
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn sources(&self) -> Sources {
        Sources {
            folder: self.0.path().to_owned(),
            ..Sources::default()
        }
    }
    fn with(&self, environment: &[(&str, &str)], set: &[&str]) -> Result<Resolved, ConfigError> {
        resolve(&Sources {
            environment: variables(environment),
            set: set.iter().map(|s| (*s).to_owned()).collect(),
            ..self.sources()
        })
    }
    fn director(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_director"));
        command
            .args(args)
            .current_dir(self.0.path())
            .env("NO_COLOR", "1");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DIRECTOR_") {
                command.env_remove(name);
            }
        }
        command
    }
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(k, v)| (k.into(), v.into())).collect()
}

fn faults(result: Result<Resolved, ConfigError>) -> Vec<String> {
    let error = result.expect_err("faults");
    error.0.iter().map(ToString::to_string).collect()
}

fn text(output: &Output) -> (i32, String, String) {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().expect("no signal"),
        lossy(&output.stdout),
        lossy(&output.stderr),
    )
}

/// Every leaf of a serialised configuration, dotted, as far as the list of keys goes down.
fn leaves(prefix: &str, value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Table(table) if keys::find(prefix).is_none() => {
            for (name, value) in table {
                let key = match prefix {
                    "" => name.clone(),
                    prefix => format!("{prefix}.{name}"),
                };
                leaves(&key, value, into);
            }
        }
        _ => {
            into.insert(prefix.to_owned());
        }
    }
}

#[test]
fn the_list_of_keys_is_complete() {
    let mut whole = Config::preset(Preset::Standard);
    whole.depth.kind = Some(DepthKind::Metric);
    whole.depth.size = Some(InputSize::Long(512));
    whole.depth.output = Some("depth".to_owned());
    whole.score.identity_network = Some("a.onnx".into());
    whole.score.quality_network = Some("b.onnx".into());
    whole.score.quality_scale = Some([0.0, 100.0]);
    for name in NETWORK_SCORES {
        whole.score.weights.insert(name.to_owned(), 1.0);
    }
    whole.solve.intrinsics = Some(Intrinsics {
        width: 640,
        height: 360,
        fx: 500.0,
        fy: 500.0,
        cx: 320.0,
        cy: 180.0,
    });
    let table = Value::try_from(&whole).expect("TOML");
    let mut found = BTreeSet::new();
    leaves("", &table, &mut found);
    let listed: BTreeSet<String> = keys::all().map(|(name, _)| name).collect();
    assert_eq!(found, listed);

    // An optional field that the lines above forgot: serde names all fields of a table that it refuses.
    let tables: BTreeSet<&str> = listed
        .iter()
        .filter_map(|name| name.rsplit_once('.').map(|(table, _)| table))
        .chain([""])
        // The weights of `score` are by the names of the metrics, which its keys are made from.
        .filter(|table| !["providers", "solve.intrinsics", "score"].contains(table))
        .collect();
    for name in tables {
        let mut refused = table.clone();
        let mut at = &mut refused;
        for part in name.split('.').filter(|p| !p.is_empty()) {
            at = at.get_mut(part).expect("table");
        }
        at.as_table_mut()
            .expect("table")
            .insert("nobody".to_owned(), Value::Boolean(true));
        let error = refused.try_into::<Config>().expect_err("unknown field");
        let message = error.message().to_owned();
        let (_, fields) = message.split_once("expected").expect(&message);
        let fields: Vec<&str> = fields.split('`').skip(1).step_by(2).collect();
        assert!(!fields.is_empty(), "{message}");
        for field in fields {
            let key = match name {
                "" => field.to_owned(),
                name => format!("{name}.{field}"),
            };
            let inside = format!("{key}.");
            assert!(
                listed.contains(&key) || listed.iter().any(|k| k.starts_with(&inside)),
                "{key} is not in the list of keys"
            );
        }
    }
}

#[test]
fn every_preset_is_in_range_and_every_choice_is_known() {
    for preset in [Preset::Draft, Preset::Standard, Preset::High] {
        assert_eq!(Config::preset(preset).validate(), []);
    }
    let folder = Folder::empty();
    for (name, key) in keys::all() {
        if let Kind::OneOf(choices) = key.kind {
            for choice in choices {
                let found = folder.with(&[], &[&format!("{name}={choice}")]);
                if name == "decode" && *choice == "cuda" && !cfg!(feature = "cuda") {
                    // Known, and refused by this build.
                    let fault = found.expect_err("refused").to_string();
                    assert!(fault.contains("--features cuda"), "{fault}");
                    continue;
                }
                assert!(found.is_ok(), "{name} = {choice}: {found:?}");
            }
        }
    }
}

#[test]
fn later_layers_go_over_earlier_ones() {
    let flag = |n: i64| Setting {
        key: "takes".to_owned(),
        value: Value::Integer(n),
        origin: Origin::Flag("--takes".to_owned()),
    };
    // Which of file, environment, --set and flag give `takes`, and who wins.
    for given in 0..16u32 {
        let has = |bit: u32| given >> bit & 1 == 1;
        let folder = if has(0) {
            Folder::new("takes = 11\n")
        } else {
            Folder::empty()
        };
        let mut sources = folder.sources();
        let (mut want, mut origin) = (2, "preset standard".to_owned());
        if has(0) {
            (want, origin) = (11, "director.toml:1".to_owned());
        }
        if has(1) {
            sources.environment = variables(&[("DIRECTOR_TAKES", "12")]);
            (want, origin) = (12, "DIRECTOR_TAKES".to_owned());
        }
        if has(2) {
            sources.set = vec!["takes=13".to_owned()];
            (want, origin) = (13, "--set takes".to_owned());
        }
        if has(3) {
            sources.flags = vec![flag(14)];
            (want, origin) = (14, "--takes".to_owned());
        }
        let found = resolve(&sources).expect("good");
        assert_eq!(found.config.takes, want, "{given:04b}");
        assert_eq!(found.origin("takes").to_string(), origin, "{given:04b}");
    }
}

#[test]
fn the_preset_is_found_first_and_the_rest_goes_on_top_of_it() {
    let folder = Folder::new("preset = \"high\"\nmax_frames = 7\n[fit]\nsteps = 500\n");
    let found = folder.with(&[], &[]).expect("good");
    assert_eq!(
        (found.config.fit.steps, found.config.fit.splats),
        (500, 250_000)
    );
    assert_eq!(found.origin("fit.splats").to_string(), "preset high");
    assert_eq!(found.origin("fit.steps").to_string(), "director.toml:4");
    let found = folder
        .with(&[("DIRECTOR_PRESET", "draft")], &[])
        .expect("good");
    assert_eq!(found.config.preset, Preset::Draft);
    assert_eq!(
        (found.config.fit.splats, found.config.max_frames),
        (12_000, 7)
    );
    assert_eq!(found.origin("preset").to_string(), "DIRECTOR_PRESET");
    let found = folder
        .with(&[("DIRECTOR_PRESET", "draft")], &["preset=standard"])
        .expect("good");
    assert_eq!(found.config.fit.splats, 40_000);
}

#[test]
fn nested_keys_are_written_alike_in_every_layer() {
    let folder =
        Folder::new("[providers.mock]\nat_once = 3\n[fit]\nbackground = { fixed = [0, 0.5, 1] }\n");
    let found = folder
        .with(
            &[
                ("DIRECTOR_FIT__STEPS", "500"),
                ("DIRECTOR_PROVIDERS__FILES__AT_ONCE", "5"),
                ("DIRECTOR_MOTION__STRIDES", "1, 2,4"),
                ("DIRECTOR_IGNORE_KNOWN_DEPTH", "1"),
                ("DIRECTOR_FIT__SSIM", "0.25"),
                ("DIRECTOR_TAKES", ""),
            ],
            &[
                "depth.kind=metric",
                "fit.eval_background=0,0,0",
                "solve.intrinsics.width=64",
                "solve.intrinsics.height=48",
                "solve.intrinsics.fx=50",
                "solve.intrinsics.fy=50",
                "solve.intrinsics.cx=32",
                "solve.intrinsics.cy=24",
            ],
        )
        .expect("good")
        .config;
    assert_eq!(found.providers["mock"].at_once, 3);
    assert_eq!(found.providers["mock"].deadline, 3600.0);
    assert_eq!(found.providers["files"].at_once, 5);
    assert_eq!(found.fit.steps, 500);
    assert_eq!(found.fit.ssim, 0.25);
    assert_eq!(found.motion.strides, [1, 2, 4]);
    assert!(found.ignore_known_depth);
    assert_eq!(found.takes, 2, "an empty variable is not set");
    assert_eq!(found.depth.kind, Some(DepthKind::Metric));
    assert_eq!(found.fit.eval_background, [0.0; 3]);
    assert_eq!(
        serde_json::to_value(found.fit.background).expect("JSON"),
        serde_json::json!({"fixed": [0.0, 0.5, 1.0]})
    );
    assert_eq!(found.solve.intrinsics.expect("set").cx, 32.0);
}

#[test]
fn a_size_is_text_or_two_numbers_in_every_layer() {
    for written in ["\"320x180\"", "[320, 180]", "\"320X180\""] {
        let folder = Folder::new(&format!("size = {written}\n"));
        assert_eq!(
            folder.with(&[], &[]).expect("good").config.size,
            [320, 180],
            "{written}"
        );
    }
    let folder = Folder::empty();
    for written in ["320x180", "[320, 180]"] {
        let environment = folder.with(&[("DIRECTOR_SIZE", written)], &[]);
        assert_eq!(environment.expect("good").config.size, [320, 180]);
        let set = folder.with(&[], &[&format!("size={written}")]);
        assert_eq!(set.expect("good").config.size, [320, 180]);
    }
    for wrong in ["320", "321x180", "320x180x2", "[320]", "0x0", "\u{0}"] {
        let found = faults(folder.with(&[], &[&format!("size={wrong}")]));
        assert!(
            found[0].contains("is not WIDTHxHEIGHT"),
            "{wrong}: {found:?}"
        );
    }
}

#[test]
fn an_unknown_key_is_refused_with_a_suggestion_in_every_layer() {
    let folder = Folder::new(concat!(
        "secnds = 4\n",
        "steps = 3\n",
        "[fti]\nsteps = 3\n",
        "[fit]\n  step = 3\n",
        "[providers.mok]\nat_once = 3\n",
        "[quite_else]\nx = 1\n",
    ));
    let found = faults(folder.with(
        &[
            ("DIRECTOR_FIT__STEP", "3"),
            ("DIRECTOR_DEPTH_MODEL", "x"),
            ("DIRECTOR_LOG", "debug"),
            ("DIRECTOR_LOG_FORMAT", "json"),
            ("DIRECTOR_TEST_MAP", "x"),
            ("HOME", "x"),
        ],
        &["max-iteratons=3", "fit.=1", "nonsense"],
    ));
    assert_eq!(
        found,
        [
            "director.toml:1:1: unknown key secnds; did you mean seconds?",
            "director.toml:2:1: unknown key steps; did you mean fit.steps?",
            "director.toml:3:2: unknown table fti; did you mean [fit]?",
            "director.toml:6:3: unknown key fit.step; did you mean fit.steps?",
            "director.toml:7:12: unknown table providers.mok; did you mean [providers.mock]?",
            "director.toml:9:2: unknown table quite_else; `director config` lists all keys",
            "DIRECTOR_DEPTH_MODEL: no setting has this variable; did you mean DIRECTOR_DEPTH__MODEL?",
            "DIRECTOR_FIT__STEP: no setting has this variable; did you mean DIRECTOR_FIT__STEPS?",
            "--set max-iteratons: unknown key max-iteratons; did you mean max_iterations?",
            "--set fit.: unknown key fit.; `director config` lists all keys",
            "--set nonsense: write --set KEY=VALUE",
        ]
    );
}

#[test]
fn wrong_types_and_ranges_name_the_place_the_value_and_what_is_wanted() {
    let folder = Folder::new(concat!(
        "takes = \"many\"\n",
        "seconds = 0\n",
        "provider = \"moc\"\n",
        "fit = 3\n",
        "ignore_known_depth = \"yes\"\n",
        "[motion]\nstrides = [1, 0]\n",
        "[score]\npath_realism = nan\n",
        "[fit.splats]\nx = 1\n",
    ));
    let found = faults(folder.with(&[], &[]));
    assert!(found[0].contains("not TOML"), "{found:?}");

    let folder = Folder::new(concat!(
        "takes = \"many\"\n",
        "seconds = 0\n",
        "provider = \"moc\"\n",
        "fit = 3\n",
        "ignore_known_depth = \"yes\"\n",
        "seed = -1\n",
        "[motion]\nstrides = [1, 0]\n",
        "[score]\npath_realism = nan\n",
        "[world.edge]\nx = 1\n",
    ));
    let found = faults(folder.with(
        &[("DIRECTOR_FPS", "fast"), ("DIRECTOR_MAX_SIDE", "1e9")],
        &["fit.steps=2.5", "accept.reject_severity=fatal"],
    ));
    assert_eq!(
        found,
        [
            "director.toml:1:1: takes = \"many\" is not a whole number from 1 to 100",
            "director.toml:2:1: seconds = 0 is not a number from 0.1 to 600",
            "director.toml:3:1: provider = \"moc\" is not one of mock, files",
            "director.toml:4:1: fit is a table; write its keys under [fit]",
            "director.toml:5:1: ignore_known_depth = \"yes\" is not true or false",
            "director.toml:6:1: seed = -1 is not a whole number from 0 to 2^63 - 1",
            "director.toml:8:1: motion.strides = [1, 0] is not a list of whole numbers from 1 to 10000",
            "director.toml:10:1: score.path_realism = nan is not zero or a positive number",
            "director.toml:11:8: world.edge = { x = 1 } is not a positive number",
            "DIRECTOR_FPS: fps = \"fast\" is not a number from 1 to 240",
            "DIRECTOR_MAX_SIDE: max_side = 1000000000.0 is not a whole number from 64 to 4096",
            "--set fit.steps: fit.steps = 2.5 is not a whole number from 1 to 100000",
            "--set accept.reject_severity: accept.reject_severity = \"fatal\" is not one of low, medium, high",
        ]
    );
}

#[test]
fn faults_between_keys_name_a_place_too() {
    let folder = Folder::new("[solve.intrinsics]\nwidth = 64\n");
    let found = faults(folder.with(&[], &[]));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("director.toml:2:1: ") && found[0].contains("height"),
        "{found:?}"
    );
    let zeros = METRICS.iter().map(|m| format!("score.{}=0", m.name));
    let zeros = zeros.collect();
    let found = faults(resolve(&Sources {
        set: zeros,
        ..Folder::empty().sources()
    }));
    assert!(found[0].contains("all weights"), "{found:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_reason() {
    let folder = Folder::new("takes = \nseconds = = 3\nfps = 3\nfps = 4\n");
    let found = faults(folder.with(&[], &[]));
    for place in ["director.toml:1:", "director.toml:2:", "director.toml:4:1:"] {
        assert!(
            found.iter().any(|f| f.starts_with(place)),
            "{place} {found:?}"
        );
    }
    let folder = Folder::empty();
    std::fs::write(folder.path("latin.toml"), b"# \xe9\nadapter = \"\xe9\"\n").expect("write");
    std::fs::write(folder.path("large.toml"), vec![b'#'; (1 << 20) + 1]).expect("write");
    std::fs::write(folder.path("bom.toml"), "\u{feff}takes = 4\r\n").expect("write");
    let named = |name: &str| {
        resolve(&Sources {
            file: Some(name.into()),
            ..folder.sources()
        })
    };
    for (name, words) in [
        ("nowhere.toml", "named by --config"),
        (".", "this is a folder"),
        ("latin.toml", "line 1 is not UTF-8"),
        ("large.toml", "over 1 MiB"),
    ] {
        let found = faults(named(name));
        assert!(
            found.len() == 1 && found[0].starts_with(name) && found[0].contains(words),
            "{name}: {found:?}"
        );
    }
    assert_eq!(named("bom.toml").expect("good").config.takes, 4);
    let found = faults(folder.with(&[("DIRECTOR_CONFIG", "nowhere.toml")], &[]));
    assert!(found[0].contains("named by DIRECTOR_CONFIG"), "{found:?}");
    let over = resolve(&Sources {
        file: Some("bom.toml".into()),
        environment: variables(&[("DIRECTOR_CONFIG", "nowhere.toml")]),
        ..folder.sources()
    });
    assert_eq!(over.expect("the flag wins").file, Some("bom.toml".into()));
}

#[test]
fn paths_of_networks_are_relative_to_the_file_or_to_the_working_directory() {
    let folder = Folder::empty();
    let inside = folder.path("inside");
    std::fs::create_dir(&inside).expect("folder");
    let model = |text: &str, set: &[&str]| {
        std::fs::write(inside.join("a.toml"), text).expect("write");
        resolve(&Sources {
            file: Some("inside/a.toml".into()),
            set: set.iter().map(|s| (*s).to_owned()).collect(),
            ..folder.sources()
        })
        .expect("good")
        .config
        .depth
        .model
    };
    let in_file = ModelChoice::Path(inside.join("n.onnx"));
    assert_eq!(model("depth.model = \"n.onnx\"", &[]), in_file);
    assert_eq!(
        model("depth.model = [\"n.onnx\", \"/m.onnx\"]", &[]),
        ModelChoice::AnyOf(vec![inside.join("n.onnx"), "/m.onnx".into()])
    );
    assert_eq!(
        model("depth.model = \"embedded\"", &[]),
        ModelChoice::Embedded
    );
    assert_eq!(
        model("", &["depth.model=n.onnx"]),
        ModelChoice::Path(folder.path("n.onnx"))
    );
}

#[test]
fn networks_of_scores_are_files_and_settings_of_them_need_them() {
    let folder = Folder::new(concat!(
        "[score]\nidentity_network = \"nets/dino.onnx\"\nquality_network = \"/q.onnx\"\n",
        "quality_scale = [0, 100.0]\nnetwork_identity = 2\n",
    ));
    let found = folder.with(&[], &[]).expect("good").config.score;
    assert_eq!(found.identity_network, Some(folder.path("nets/dino.onnx")));
    assert_eq!(found.quality_network, Some("/q.onnx".into()));
    assert_eq!(found.quality_scale, Some([0.0, 100.0]));
    assert_eq!(found.weight("network_identity"), 2.0);
    let empty = Folder::empty();
    let set = empty.with(&[], &["score.identity_network=n.onnx"]);
    let set = set.expect("good").config.score;
    assert_eq!(set.identity_network, Some(empty.path("n.onnx")));
    for (text, place, words) in [
        (
            "network_quality = 1",
            "director.toml:2:1",
            "--quality-network FILE",
        ),
        (
            "quality_scale = [0, 1]",
            "director.toml:2:1",
            "score.quality_network",
        ),
        (
            "quality_scale = [1, 1]",
            "director.toml:2:1",
            "two numbers that differ",
        ),
        ("identity_network = 3", "director.toml:2:1", "an ONNX file"),
    ] {
        let folder = Folder::new(&format!("[score]\n{text}\n"));
        let told = faults(folder.with(&[], &[]));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with(place) && told[0].contains(words),
            "{told:?}"
        );
    }
}

#[test]
fn a_networks_input_size_is_text_one_number_or_two_in_every_layer() {
    for (written, want) in [
        ("\"518x294\"", InputSize::Sides([518, 294])),
        ("[513, 385]", InputSize::Sides([513, 385])),
        ("512", InputSize::Long(512)),
    ] {
        let folder = Folder::new(&format!(
            "depth.size = {written}\ndepth.output = \"disp\"\n"
        ));
        let found = folder.with(&[], &[]).expect("good").config.depth;
        assert_eq!(found.size, Some(want));
        assert_eq!(found.output.as_deref(), Some("disp"));
        let set = format!("depth.size={}", written.trim_matches('"'));
        let found = Folder::empty().with(&[], &[set.as_str()]).expect("good");
        assert_eq!(found.config.depth.size, Some(want));
        let variable = [("DIRECTOR_DEPTH__SIZE", written.trim_matches('"'))];
        let found = Folder::empty().with(&variable, &[]).expect("good");
        assert_eq!(found.config.depth.size, Some(want));
    }
    for bad in ["0", "\"512x\"", "[0, 5]", "true", "9000"] {
        let folder = Folder::new(&format!("depth.size = {bad}\n"));
        let told = faults(folder.with(&[], &[]));
        assert!(
            told[0].contains("depth.size") && told[0].contains("640x480"),
            "{told:?}"
        );
    }
}

#[test]
fn what_toml_writes_reads_back_as_the_same_configuration() {
    let folder = Folder::new("preset = \"draft\"\nsize = \"128x72\"\n[fit]\nlr_scale = 0.03\n");
    let args = [
        "--set",
        "depth.kind=metric",
        "--set",
        "depth.size=518x294",
        "--set",
        "fit.background={fixed=[0.1,0.2,0.3]}",
        "--depth-model",
        "net.onnx",
        "--seconds",
        "1.7",
    ];
    let (code, written, stderr) = text(
        &folder
            .director(&["config", "--toml"])
            .args(args)
            .output()
            .expect("starts"),
    );
    assert_eq!(code, 0, "{stderr}");
    let (_, before, _) = text(
        &folder
            .director(&["config", "--json"])
            .args(args)
            .output()
            .expect("starts"),
    );
    let read = |written: &str| {
        let other = Folder::new(written);
        let config = other.with(&[], &[]).expect("good").config;
        let (_, after, _) = text(
            &other
                .director(&["config", "--json"])
                .output()
                .expect("starts"),
        );
        (config, after)
    };
    let values = |json: &str| -> Vec<(String, String)> {
        let list: Vec<serde_json::Value> = serde_json::from_str(json).expect("JSON");
        list.iter()
            .map(|e| (e["key"].to_string(), e["value"].to_string()))
            .collect()
    };
    let (config, after) = read(&written);
    assert_eq!(values(&before), values(&after));
    assert_eq!(config.fit.lr_scale, 0.03);
    assert_eq!(config.size, [128, 72]);
    assert_eq!(
        config.depth.model,
        ModelChoice::Path(
            folder
                .0
                .path()
                .canonicalize()
                .expect("folder")
                .join("net.onnx")
        )
    );

    // With each commented value uncommented it is the same again; keys without a value stay comments.
    let all: String = written
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest.contains(" = ")
                    && keys::find(rest.split(" = ").next().unwrap_or_default()).is_some() =>
            {
                format!("{rest}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let (every, _) = read(&all);
    assert_eq!(every, config);
    assert!(
        all.lines().filter(|l| !l.starts_with('#')).count() > 90,
        "{all}"
    );
}

#[test]
fn the_command_prints_values_and_origins() {
    let folder = Folder::new("\nseconds = 3\n[fit]\nsteps = 9\n");
    let run = |args: &[&str]| {
        text(
            &folder
                .director(args)
                .env("DIRECTOR_ADAPTER", "llvm")
                .output()
                .expect("starts"),
        )
    };
    let (code, stdout, _) = run(&["config", "--changed", "--takes", "5"]);
    assert_eq!(code, 0);
    let rows: Vec<Vec<&str>> = stdout
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows,
        [
            vec!["adapter", "\"llvm\"", "DIRECTOR_ADAPTER"],
            vec!["takes", "5", "--takes"],
            vec!["seconds", "3.0", "director.toml:2"],
            vec!["fit.steps", "9", "director.toml:4"],
        ]
    );
    assert!(!stdout.contains('\u{1b}'));
    let (_, stdout, _) = run(&["--adapter", "1", "config", "--json"]);
    let list: Vec<serde_json::Value> = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(list.len(), keys::all().count() - 1);
    let adapter = list.iter().find(|e| e["key"] == "adapter").expect("key");
    assert_eq!(adapter["value"], "1");
    assert_eq!(adapter["origin"], "--adapter");
    assert_eq!(adapter["layer"], "flag");
    let kind = list.iter().find(|e| e["key"] == "depth.kind").expect("key");
    assert!(kind["value"].is_null());
    let coloured = folder
        .director(&["config", "--changed"])
        .env_remove("NO_COLOR")
        .env("CLICOLOR_FORCE", "1")
        .output();
    let (_, stdout, _) = text(&coloured.expect("starts"));
    assert!(stdout.contains("\u{1b}["), "{stdout}");
    let (_, help, _) = run(&["config", "--help"]);
    assert!(help.contains("Example"), "{help}");
    let (code, _, stderr) = run(&["config", "--set", "takes=0", "--seconds", "nan"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("--set takes: takes = 0")
            && stderr.contains("--seconds: seconds = nan is not a number from 0.1 to 600"),
        "{stderr}"
    );
}

#[test]
fn a_run_hears_of_the_file_and_of_its_faults() {
    let folder = Folder::new("takes = 3\nmax_iterations = 2\n");
    std::fs::write(folder.path("m.csv"), "prompt\na room\n").expect("write");
    let validate = |folder: &Folder| {
        text(
            &folder
                .director(&["validate", "m.csv", "--json"])
                .output()
                .expect("starts"),
        )
    };
    let (code, _, stderr) = validate(&folder);
    assert_eq!(code, 0, "{stderr}");
    std::fs::write(folder.path("director.toml"), "takse = 3\n").expect("write");
    let (code, _, stderr) = validate(&folder);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("director.toml:1:1: unknown key takse; did you mean takes?"),
        "{stderr}"
    );
    let started = folder
        .director(&["run", "m.csv", "--out", "out"])
        .output()
        .expect("starts");
    assert_eq!(text(&started).0, 2);
    assert!(!Path::new(&folder.path("out")).exists());
}

#[test]
fn what_is_measured_hangs_on_no_file_and_no_variable() {
    let folder = Folder::new("max_frames = \"no number\"\n");
    let out = folder.path("out").display().to_string();
    let mut words = vec![
        "eval", "splats", "--takes", "1", "--from", "truth", "--json",
    ];
    words.extend(["--size", "64x64", "--seconds", ".3,.3", "-o", &out]);
    words.extend(["--set", "fit.steps=1", "--set", "fit.splats=200"]);
    let mut command = folder.director(&words);
    let done = command.env("DIRECTOR_FIT__STEPS", "700").output();
    let done = done.expect("the binary starts");
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{told}");
    let document: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(document["fits"][0]["quality"]["steps"], 1);
}
