#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sora_director::manifest::{self, Format};

// The first byte names the format.
fuzz_target!(|input: &[u8]| {
    let Some((&first, bytes)) = input.split_first() else {
        return;
    };
    let format = match first {
        b'j' => Format::JsonLines,
        b't' => Format::Toml,
        b'v' => Format::Tsv,
        _ => Format::Csv,
    };
    bounded::within(bytes, 16, || {
        let Ok(found) = manifest::from_bytes(bytes.to_vec(), format, Path::new("/home")) else {
            return;
        };
        assert!(!found.rows.is_empty() || !found.faults.is_empty());
        let lines = 1 + bytes.iter().filter(|b| matches!(b, b'\n' | b'\r')).count();
        for fault in found.faults.iter().chain(&found.warnings) {
            assert!((1..=lines).contains(&fault.line), "{fault}");
            assert!(
                fault.column != Some(0) && fault.to_string().len() < 2000,
                "{fault}"
            );
        }
        for row in &found.rows {
            let safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            assert!(!row.id.is_empty() && row.id.chars().all(safe), "{row:?}");
            assert!(
                (1..=lines).contains(&row.line) && !row.prompt.contains('\0'),
                "{row:?}"
            );
        }
    });
});
