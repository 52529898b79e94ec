//! Trace context in header fields: the trace that a request belongs to, and who has called.
//!
//! <https://www.w3.org/TR/trace-context/>

/// The field that names the trace.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// The field with what each tracing system adds.
pub(crate) const TRACESTATE: &str = "tracestate";

/// Bytes of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// Most members of a `tracestate`.
const MOST_MEMBERS: usize = 32;

/// Longest `tracestate` that goes on, in bytes of all its fields together. The specification wants at least 512.
const LONGEST_STATE: usize = 4096;

/// The bit of the flags that says that the caller records the trace.
const SAMPLED: u8 = 1;

/// What a `traceparent` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceContext {
    /// Never 0.
    pub(crate) trace_id: u128,
    /// The span of the caller; never 0.
    pub(crate) span_id: u64,
    /// Whether the caller may have recorded its part of the trace.
    pub(crate) is_sampled: bool,
}

impl TraceContext {
    /// The context of a request with these `traceparent` fields; `None` where there is not exactly one, or that one is invalid.
    pub(crate) fn of<'a>(mut fields: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let field = fields.next()?;
        match fields.next() {
            Some(_) => None,
            None => Self::parse(field),
        }
    }

    /// Reads a `traceparent` (section 3.2). Of a version that is not known yet, what version 00 has is read.
    pub(crate) fn parse(field: &[u8]) -> Option<Self> {
        let (known, rest) = field.split_at_checked(LENGTH)?;
        let mut parts = known.split(|byte| *byte == b'-');
        let mut part = |digits: usize| parts.next().filter(|part| part.len() == digits);
        let version = number(part(2)?)?;
        let trace_id = number(part(32)?)?;
        let span_id = u64::try_from(number(part(16)?)?).ok()?;
        let flags = u8::try_from(number(part(2)?)?).ok()?;
        let fits = match version {
            0xff => false,
            0 => rest.is_empty(),
            _ => rest.is_empty() || rest.starts_with(b"-"),
        };
        (fits && trace_id != 0 && span_id != 0).then_some(Self {
            trace_id,
            span_id,
            is_sampled: flags & SAMPLED != 0,
        })
    }

    /// The value of a `traceparent` of version 00.
    pub(crate) fn field(&self) -> String {
        let flags = u8::from(self.is_sampled);
        let Self {
            trace_id, span_id, ..
        } = self;
        format!("00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    }

    /// The id of the trace as 32 hexadecimal digits.
    pub(crate) fn trace_id_text(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

/// A number in hexadecimal digits with small letters, at most 32 of them.
fn number(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number: u128, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

/// The `tracestate` fields of a request as one list (section 3.3); `None` where there is none, where they break the rules, or
/// where they are too long.
pub(crate) fn state<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let mut list = String::new();
    let mut keys: Vec<&[u8]> = Vec::new();
    for member in fields.flat_map(|field| field.split(|byte| *byte == b',')) {
        let member = member.trim_ascii();
        if member.is_empty() {
            continue;
        }
        let equals = member.iter().position(|byte| *byte == b'=')?;
        let (key, value) = member.split_at_checked(equals)?;
        let is_new = is_key(key) && is_value(value.get(1..)?) && !keys.contains(&key);
        let separator = if list.is_empty() { "" } else { "," };
        if !is_new || keys.len() == MOST_MEMBERS || list.len() + member.len() >= LONGEST_STATE {
            return None;
        }
        keys.push(key);
        list.push_str(separator);
        list.push_str(std::str::from_utf8(member).ok()?);
    }
    (!list.is_empty()).then_some(list)
}

/// Whether a key is `system` or `tenant@system`.
fn is_key(key: &[u8]) -> bool {
    let small = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_lowercase);
    let is_letter =
        |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(byte);
    let of = |key: &[u8], most: usize| key.len() <= most && key.iter().all(is_letter);
    match key.iter().position(|byte| *byte == b'@') {
        None => small(key.first()) && of(key, 256),
        Some(at) => {
            let (tenant, system) = key.split_at_checked(at).unwrap_or_default();
            let system = system.get(1..).unwrap_or_default();
            let begins = small(tenant.first()) || tenant.first().is_some_and(u8::is_ascii_digit);
            begins && of(tenant, 241) && small(system.first()) && of(system, 14)
        }
    }
}

/// Whether a value is up to 256 printable characters of ASCII without `,` and `=`.
fn is_value(value: &[u8]) -> bool {
    let is_letter = |byte: &u8| matches!(byte, b' '..=b'~') && !b",=".contains(byte);
    (1..=256).contains(&value.len()) && value.iter().all(is_letter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn parse(text: &str) -> Option<TraceContext> {
        TraceContext::parse(text.as_bytes())
    }

    #[test]
    fn the_parts_of_a_traceparent_are_read() {
        let context = parse(GOOD).unwrap();
        assert_eq!(context.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(context.span_id, 0xb7ad_6b71_6920_3331);
        assert!(context.is_sampled);
        assert_eq!(context.field(), GOOD);
        let other = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
        for (flags, sampled) in [("00", false), ("02", false), ("03", true), ("ff", true)] {
            let context = parse(&format!("{other}-{flags}")).unwrap();
            assert_eq!(context.is_sampled, sampled, "{flags}");
        }
    }

    #[test]
    fn of_later_versions_the_known_part_counts() {
        let later = GOOD.replacen("00", "cc", 1);
        for text in [
            later.clone(),
            format!("{later}-"),
            format!("{later}-what-the-future-will-be-like"),
        ] {
            assert_eq!(parse(&text), parse(GOOD), "{text}");
        }
        for text in [
            format!("{later}x"),
            format!("{later}.what-the-future-will-be-like"),
            GOOD.replacen("00", "ff", 1),
            format!("{GOOD}-more"),
            format!("{GOOD}-"),
        ] {
            assert_eq!(parse(&text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_traceparent() {
        for text in [
            "",
            "00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "0A-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
            "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
            "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "000af7651916cd43dd8448eb211c80319cb7ad6b7169203331010000",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let two = [GOOD.as_bytes(), GOOD.as_bytes()];
        assert_eq!(TraceContext::of(two.into_iter()), None);
        assert_eq!(TraceContext::of([].into_iter()), None);
    }

    fn list(fields: &[&str]) -> Option<String> {
        state(fields.iter().map(|field| field.as_bytes()))
    }

    #[test]
    fn the_fields_of_a_tracestate_are_one_list() {
        for (fields, expected) in [
            (&["rojo=00f067aa0ba902b7"][..], "rojo=00f067aa0ba902b7"),
            (&["a=1,b=2", "c=3"], "a=1,b=2,c=3"),
            (&[" a=1 , ,\tb=2", "", "1@s=x y"], "a=1,b=2,1@s=x y"),
        ] {
            assert_eq!(list(fields).as_deref(), Some(expected), "{fields:?}");
        }
        let long = |count: usize| "x".repeat(count);
        let many = |count: usize| (0..count).map(|it| format!("a{it}=1,")).collect::<String>();
        assert!(list(&[&many(32)]).is_some());
        assert!(list(&[&format!("{}=1", long(256))]).is_some());
        for text in [
            "",
            ",",
            "a",
            "a=",
            "=1",
            "A=1",
            "1a=1",
            "a=1,a=2",
            "a@=1",
            "@a=1",
            "a@b@c=1",
            "a=1=2",
            "a=\u{e9}",
            "a=\u{7}",
            &many(33),
            &format!("{}=1", long(257)),
            &format!("a={}", long(257)),
            &format!("a@{}=1", long(15)),
            &format!("{}@a=1", long(242)),
        ] {
            assert_eq!(list(&[text]), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(trace_id in 1_u128.., span_id in 1_u64.., is_sampled: bool) {
            let context = TraceContext { trace_id, span_id, is_sampled };
            prop_assert_eq!(TraceContext::parse(context.field().as_bytes()), Some(context));
        }

        #[test]
        fn what_is_read_is_what_was_written(mut field in "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", at in 0..55_usize, byte: u8) {
            if let Some(context) = parse(&field) {
                let written = context.field();
                prop_assert_eq!(written.get(3..53), field.get(3..53));
            }
            // Another byte in one place.
            let mut bytes = std::mem::take(&mut field).into_bytes();
            bytes[at] = byte;
            let is_digit = byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let is_place = [2, 35, 52].contains(&at);
            if is_place != (byte == b'-') || !is_place && !is_digit {
                prop_assert_eq!(TraceContext::parse(&bytes), None);
            }
        }

        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>, fields: Vec<Vec<u8>>) {
            TraceContext::parse(&bytes);
            if let Some(list) = state(fields.iter().map(Vec::as_slice)) {
                prop_assert_eq!(state([list.as_bytes()].into_iter()), Some(list.clone()));
            }
        }
    }
}
