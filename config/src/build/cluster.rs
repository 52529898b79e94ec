//! `cluster`.

use super::{Builder, Need};
use crate::field::Field;
use crate::file;
use crate::model::Cluster;

impl Builder<'_> {
    pub(super) fn cluster(&self, field: Field<file::Cluster>) -> Option<Cluster> {
        let (place, cluster) = field.given()?;
        let need = |key, example| Need {
            of: "cluster",
            key,
            example,
        };
        let url = need("url", "\"redis://10.0.0.9:6379/0\"");
        let url = self.required(cluster.url, place, url);
        let name = self.required(cluster.name, place, need("name", "shop"));
        let tls = cluster.tls.given();
        if let (Some((_, url)), Some((place, _))) = (&url, &tls)
            && !url.0.secure
        {
            self.report.error_with_hint(
                *place,
                "tls: redis:// is spoken without TLS",
                "write rediss:// in `url`, or remove `tls`",
            );
        }
        let tls = tls.map(|(place, tls)| self.member_tls(tls, place));
        let ((_, url), (_, name)) = (url?, name?);
        Some(Cluster {
            url: url.0,
            name: name.0,
            tls,
        })
    }
}
