//! Header fields of a request or response, with the order, case and form that they have in the packet.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::{Malformed, Unencodable};
use crate::limits::MAX_HEADER_NAME;
use crate::tables::{CODED, HeaderCode};
use crate::wire::{Reader, WireString, has_control, put_string, put_wire_string};

/// A header name as it stands in the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderName<C> {
    /// A code of the direction's table.
    Coded(C),
    /// The name itself, in the sender's case.
    Text(Bytes),
}

impl<C: HeaderCode> HeaderName<C> {
    /// The name. A coded name is spelled as Tomcat spells it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Coded(code) => code.name().as_bytes(),
            Self::Text(name) => name,
        }
    }

    /// The code of the name, whether it was sent as a code or as text.
    #[must_use]
    pub fn code(&self) -> Option<C> {
        match self {
            Self::Coded(code) => Some(*code),
            Self::Text(name) => C::from_name(name),
        }
    }
}

/// The header fields of one message.
///
/// The fields stay in the packet's memory and are decoded one by one while iterating, so that no list is allocated.
/// All fields have been checked when a `Headers` exists.
#[derive(Clone, PartialEq, Eq)]
pub struct Headers<C> {
    count: u16,
    block: Bytes,
    table: PhantomData<C>,
}

impl<C: HeaderCode> Headers<C> {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            count: 0,
            block: Bytes::new(),
            table: PhantomData,
        }
    }

    /// A builder for a list of fields.
    #[must_use]
    pub fn builder() -> HeadersBuilder<C> {
        HeadersBuilder {
            count: 0,
            block: BytesMut::new(),
            table: PhantomData,
        }
    }

    /// The number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether there are no fields.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The fields in order. Values share the packet's memory; `None` is a null string.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, C> {
        Iter {
            reader: Reader::new(&self.block),
            left: self.count,
            table: PhantomData,
        }
    }

    /// Bytes of the fields in the packet: no less than their names that have no code, and their values, take.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.block.len()
    }

    /// The fields in order, without a share in the packet's memory. A coded name is spelled as Tomcat spells it; a null
    /// string is an empty value.
    pub fn texts(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries().map(|(code, name, value)| match code {
            Some(code) => (code.name().as_bytes(), value),
            None => (name, value),
        })
    }

    /// The same with the code of each name that was sent as a code, in place of its name, which is empty then.
    pub fn entries(&self) -> impl Iterator<Item = (Option<C>, &[u8], &[u8])> {
        let mut reader = Reader::new(&self.block);
        let text = |range: Option<Range<usize>>| {
            self.block
                .get(range.unwrap_or_default())
                .unwrap_or_default()
        };
        // `Headers::read` or the builder has checked the block.
        (0..self.count).map_while(move |_| {
            let code = read_code::<C>(&mut reader).ok()?;
            let name = match code {
                Some(_) => &[],
                None => text(reader.string_range().ok()?),
            };
            Some((code, name, text(reader.string_range().ok()?)))
        })
    }

    /// The value of the first field with this name, whether it was sent as a code or as text.
    #[must_use]
    pub fn get(&self, wanted: C) -> Option<Bytes> {
        self.iter()
            .find(|(name, _)| name.code() == Some(wanted))
            .and_then(|(_, value)| value)
    }

    /// Reads the count and checks every field.
    pub(crate) fn read(reader: &mut Reader<'_>, payload: &Bytes) -> Result<Self, Malformed> {
        let count = reader.u16()?;
        // The shortest field has four bytes: a code and a null value.
        if usize::from(count).saturating_mul(4) > reader.remaining() {
            return Err(Malformed::HeaderCount(count));
        }
        let start = reader.position();
        for _ in 0..count {
            skip_name::<C>(reader)?;
            reader.string_range()?;
        }
        Ok(Self {
            count,
            block: payload.slice(start..reader.position()),
            table: PhantomData,
        })
    }

    pub(crate) fn write(&self, out: &mut BytesMut) {
        out.put_u16(self.count);
        out.extend_from_slice(&self.block);
    }
}

impl<C: HeaderCode> Default for Headers<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: HeaderCode> fmt::Debug for Headers<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, C: HeaderCode> IntoIterator for &'a Headers<C> {
    type Item = (HeaderName<C>, WireString);
    type IntoIter = Iter<'a, C>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The fields of a [`Headers`] in order.
#[derive(Debug)]
pub struct Iter<'a, C> {
    reader: Reader<'a>,
    left: u16,
    table: PhantomData<C>,
}

impl<C: HeaderCode> Iterator for Iter<'_, C> {
    type Item = (HeaderName<C>, WireString);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // `Headers::read` or the builder has checked the block.
        let name = read_name(&mut self.reader).ok()?;
        Some((name, self.reader.string().ok()?))
    }
}

fn read_name<C: HeaderCode>(reader: &mut Reader<'_>) -> Result<HeaderName<C>, Malformed> {
    if let Some(code) = read_code(reader)? {
        return Ok(HeaderName::Coded(code));
    }
    let name = reader.string()?;
    name.map(HeaderName::Text).ok_or(Malformed::HeaderName)
}

/// Checks a name.
fn skip_name<C: HeaderCode>(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    if read_code::<C>(reader)?.is_none() {
        reader.string_range()?.ok_or(Malformed::HeaderName)?;
    }
    Ok(())
}

/// The code that stands in place of a name; `None` where the name itself stands.
fn read_code<C: HeaderCode>(reader: &mut Reader<'_>) -> Result<Option<C>, Malformed> {
    if reader.peek() != Some(CODED) {
        return Ok(None);
    }
    reader.u8()?;
    let code = reader.u8()?;
    C::from_code(code)
        .map(Some)
        .ok_or(Malformed::HeaderCode(code))
}

/// Builds a list of header fields.
#[derive(Debug)]
pub struct HeadersBuilder<C> {
    count: u16,
    block: BytesMut,
    table: PhantomData<C>,
}

impl<C: HeaderCode> HeadersBuilder<C> {
    /// Adds a field. A name that has a code is written as the code.
    ///
    /// # Errors
    /// [`Unencodable`] for an empty or too long name, for CR, LF or NUL, or for too many fields.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), Unencodable> {
        let count = self.count.checked_add(1).ok_or(Unencodable::HeaderCount)?;
        put_name::<C>(&mut self.block, name, value)?;
        self.count = count;
        put_string(&mut self.block, value);
        Ok(())
    }

    /// Adds a field in exactly this form without checking its text, for tests and for copies of recorded packets.
    ///
    /// # Errors
    /// [`Unencodable::HeaderCount`] for too many fields.
    pub fn push_raw(
        &mut self,
        name: &HeaderName<C>,
        value: Option<&Bytes>,
    ) -> Result<(), Unencodable> {
        self.count = self.count.checked_add(1).ok_or(Unencodable::HeaderCount)?;
        match name {
            HeaderName::Coded(code) => self.block.extend_from_slice(&[CODED, code.code()]),
            HeaderName::Text(name) => put_string(&mut self.block, name),
        }
        put_wire_string(&mut self.block, value);
        Ok(())
    }

    /// The fields.
    #[must_use]
    pub fn build(self) -> Headers<C> {
        Headers {
            count: self.count,
            block: self.block.freeze(),
            table: PhantomData,
        }
    }
}

/// Checks a field and writes its name: as a code if it has one, else as text.
pub(crate) fn put_name<C: HeaderCode>(
    out: &mut BytesMut,
    name: &[u8],
    value: &[u8],
) -> Result<(), Unencodable> {
    if name.is_empty() || name.len() > MAX_HEADER_NAME {
        return Err(Unencodable::HeaderName(name.len()));
    }
    if has_control(value) {
        return Err(Unencodable::ControlCharacter);
    }
    match C::from_name(name) {
        Some(code) => out.extend_from_slice(&[CODED, code.code()]),
        None if has_control(name) => return Err(Unencodable::ControlCharacter),
        None => put_string(out, name),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::ResponseHeader;

    #[test]
    fn fields_keep_order_case_and_form() {
        let mut builder = Headers::<ResponseHeader>::builder();
        builder.push(b"X-Node", b"node1").unwrap();
        builder.push(b"content-TYPE", b"text/plain").unwrap();
        builder
            .push_raw(&HeaderName::Text(Bytes::from_static(b"Content-Type")), None)
            .unwrap();
        let headers = builder.build();
        let fields: Vec<_> = headers.iter().collect();
        assert_eq!(
            fields,
            [
                (
                    HeaderName::Text(Bytes::from_static(b"X-Node")),
                    Some(Bytes::from_static(b"node1"))
                ),
                (
                    HeaderName::Coded(ResponseHeader::ContentType),
                    Some(Bytes::from_static(b"text/plain"))
                ),
                (HeaderName::Text(Bytes::from_static(b"Content-Type")), None),
            ]
        );
        assert_eq!(
            headers.get(ResponseHeader::ContentType).as_deref(),
            Some(&b"text/plain"[..])
        );
    }

    #[test]
    fn cr_lf_nul_and_bad_names_are_not_encoded() {
        let mut builder = Headers::<ResponseHeader>::builder();
        for (name, value) in [
            (&b"A\r\nB"[..], &b"x"[..]),
            (b"A", b"x\r\nInjected: yes"),
            (b"A", b"x\ny"),
            (b"A", b"x\0y"),
        ] {
            assert_eq!(
                builder.push(name, value),
                Err(Unencodable::ControlCharacter)
            );
        }
        assert_eq!(builder.push(b"", b"x"), Err(Unencodable::HeaderName(0)));
        assert_eq!(
            builder.push(&[b'a'; 256], b"x"),
            Err(Unencodable::HeaderName(256))
        );
        assert!(builder.push(&[b'a'; 255], b"x\ty\xe9").is_ok());
        assert_eq!(builder.build().len(), 1);
    }
}
