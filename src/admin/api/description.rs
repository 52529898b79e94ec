//! The description of the API (OpenAPI 3.1).

use std::sync::LazyLock;

use serde_json::Value;

/// The path of the description.
pub(super) const PATH: &str = "/api/v1/openapi.json";

/// `openapi.json`, with the schemas that bodies of changes are checked with.
pub(super) fn description() -> &'static str {
    &DESCRIPTION
}

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
    let text = include_str!("openapi.json");
    // Tests read the description, so that the text is always JSON.
    let mut description: Value = serde_json::from_str(text).unwrap_or_default();
    for (name, schema) in ajpgate_config::api_schemas() {
        if let Some(schemas) = description.pointer_mut("/components/schemas")
            && let Some(schemas) = schemas.as_object_mut()
        {
            schemas.insert(name.to_owned(), schema);
        }
    }
    format!("{description:#}\n")
});
