//! `ajpgate check` and `ajpgate schema`.

use std::path::Path;
use std::process::ExitCode;

use ajpgate_config::{Loaded, Problems};

use super::tls_files;
use crate::unbuilt;

/// Names every problem; 0 when the file can be used.
pub(super) fn run(path: &Path) -> ExitCode {
    match load(path) {
        Ok(loaded) => {
            let unbuilt = unbuilt::warnings(&loaded);
            let warnings = loaded.warnings.iter().chain(&unbuilt).cloned();
            if let Some(warnings) = Problems::new(warnings.collect()) {
                println!("{warnings}\n");
            }
            println!("{}: fine", path.display());
            ExitCode::SUCCESS
        }
        Err(problems) => {
            println!("{problems}");
            ExitCode::from(super::BAD_USAGE)
        }
    }
}

/// Reads a configuration with this process's environment.
pub(super) fn load(path: &Path) -> Result<Loaded, Problems> {
    let loaded = ajpgate_config::load(path, &|name| std::env::var(name).ok())?;
    match Problems::new(tls_files::problems(&loaded)) {
        Some(problems) => Err(problems),
        None => Ok(loaded),
    }
}

/// The JSON Schema of the file.
pub(super) fn schema() -> String {
    format!("{:#}\n", ajpgate_config::schema())
}
