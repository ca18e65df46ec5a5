//! `director eval splats`: tiny takes, and pictures with known cameras, from end to end.

use crate::spine::cli::{Folder, code, run, stderr};

fn document(words: &[&str]) -> serde_json::Value {
    let done = run(words);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    serde_json::from_slice(&done.stdout).expect("one document")
}

#[test]
fn splats_are_judged_on_takes_and_go_on_where_they_were_cut_off() {
    let folder = Folder::new();
    let out = folder.path("out").display().to_string();
    let go = |more: &[&str]| {
        let mut words = vec!["eval", "splats", "--half", "tuning", "--takes", "2"];
        words.extend(["--size", "96x64", "--seconds", ".5,.5", "--json", "--quiet"]);
        words.extend(["--from", "truth", "--set", "fit.splats=1500", "-o", &out]);
        words.extend(more);
        document(&words)
    };
    let first = go(&["--set", "fit.steps=60"]);
    let fits = first["fits"].as_array().expect("fits");
    assert_eq!(fits.len(), 2);
    for fit in fits {
        let of = |part: &str, key: &str| fit[part][key].as_f64().expect("a number");
        assert_eq!(fit["quality"]["steps"], 60, "{fit}");
        let psnr = of("quality", "still_psnr");
        assert!((12.0..60.0).contains(&psnr), "{fit}");
        assert!((0.0..1.0).contains(&of("quality", "still_ssim")), "{fit}");
        assert!((0.0..0.5).contains(&of("depth", "median")), "{fit}");
        assert!(of("depth", "high") >= of("depth", "median"), "{fit}");
        let strip = folder
            .path("out")
            .join(fit["strip"].as_str().expect("a name"));
        assert!(strip.is_file());
    }
    assert!(folder.path("out/splats.png").is_file());
    let row = &first["summaries"][0]["rows"][0];
    assert_eq!((&row["of"], &row["clips"]), (&"all".into(), &2.into()));
    // The same again makes nothing anew; other options do.
    let lines = |of: &serde_json::Value| of["fits"].clone();
    assert_eq!(
        lines(&go(&["--set", "fit.steps=60", "--resume"])),
        lines(&first)
    );
    let more = go(&["--set", "fit.steps=90", "--resume"]);
    assert_eq!(more["fits"][0]["quality"]["steps"], 90);
    let refused = run(&["eval", "splats", "--takes", "1", "-o", &out]);
    assert!(
        stderr(&refused).contains("--resume"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn given_pictures_with_cameras_are_judged_and_what_cannot_be_is_told() {
    let folder = Folder::new();
    let lego = folder.path("views");
    posed(&lego);
    let lego = lego.display().to_string();
    let empty = folder.path("nothing");
    std::fs::create_dir_all(&empty).expect("a folder");
    let empty = empty.display().to_string();
    let done = run(&[
        "eval",
        "splats",
        &lego,
        &lego,
        &empty,
        "--json",
        "--set",
        "fit.steps=40",
        "--set",
        "fit.splats=400",
        "--set",
        "max_side=64",
    ]);
    assert_eq!(code(&done), 1, "{}", stderr(&done));
    let document: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let fits = document["fits"].as_array().expect("fits");
    assert_eq!(fits.len(), 1, "twice the same is once");
    assert_eq!(fits[0]["settings"]["source"], "run");
    assert!(fits[0]["depth"].is_null());
    let psnr = fits[0]["quality"]["psnr"].as_f64().expect("a figure");
    assert!((5.0..60.0).contains(&psnr));
    assert_eq!(document["failed"].as_array().map(Vec::len), Some(1));
    let table = run(&[
        "eval",
        "splats",
        &lego,
        "--set",
        "fit.steps=1",
        "--set",
        "fit.splats=200",
    ]);
    let words = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(
        words.contains("beside the inputs") && words.contains("whole, dB"),
        "{words}"
    );
}

/// Nine pictures of one soft pattern, from cameras on a line that `transforms.json` tells.
fn posed(folder: &std::path::Path) {
    std::fs::create_dir_all(folder).expect("a folder");
    let mut frames = Vec::new();
    for k in 0..9u32 {
        let picture = image::RgbImage::from_fn(64, 48, |x, y| {
            let at = f64::from(x + 2 * k) / 6.0;
            let level = |v: f64| (127.0 + 100.0 * v) as u8;
            image::Rgb([level(at.sin()), level((f64::from(y) / 5.0).cos()), 90])
        });
        picture
            .save(folder.join(format!("{k:03}.png")))
            .expect("a picture");
        let x = 0.1 * f64::from(k);
        frames.push(serde_json::json!({
            "file_path": format!("{k:03}.png"),
            "transform_matrix": [[1, 0, 0, x], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
        }));
    }
    let document = serde_json::json!({"camera_angle_x": 0.9, "frames": frames});
    std::fs::write(folder.join("transforms.json"), document.to_string()).expect("written");
}

#[test]
fn what_cannot_be_is_refused() {
    for (words, says) in [
        (&["--set", "fit.stops=3"][..], "fit.steps"),
        (&["--set", "fit.sh_degree=4"], "fit.sh_degree"),
        (&["--size", "33x20"], "--size"),
        (&["--set", "depth.model=embedded"], "--network"),
        (&["missing.mp4"], "missing.mp4"),
        (&["--from", "truth", "--network", "some.onnx"], "--from"),
        (&["clip.mp4", "--takes", "3"], "--takes"),
    ] {
        let mut all = vec!["eval", "splats"];
        all.extend(words);
        let done = run(&all);
        assert_ne!(code(&done), 0);
        assert!(stderr(&done).contains(says), "{words:?}: {}", stderr(&done));
    }
}
