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
fn what_cannot_be_is_refused() {
    for (words, says) in [
        (&["--set", "fit.stops=3"][..], "fit.steps"),
        (&["--set", "fit.sh_degree=4"], "fit.sh_degree"),
        (&["--size", "33x20"], "--size"),
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
