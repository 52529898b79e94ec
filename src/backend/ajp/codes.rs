//! The names of fields that AJP13 has codes for.

use ajp13::tables::{RequestHeader, ResponseHeader};

use crate::head::Known;

/// The code of a request's field; `None`: its name is sent.
pub(super) const fn of_request(name: Known) -> Option<RequestHeader> {
    Some(match name {
        Known::Accept => RequestHeader::Accept,
        Known::AcceptCharset => RequestHeader::AcceptCharset,
        Known::AcceptEncoding => RequestHeader::AcceptEncoding,
        Known::AcceptLanguage => RequestHeader::AcceptLanguage,
        Known::Authorization => RequestHeader::Authorization,
        Known::Connection => RequestHeader::Connection,
        Known::ContentType => RequestHeader::ContentType,
        Known::ContentLength => RequestHeader::ContentLength,
        Known::Cookie => RequestHeader::Cookie,
        Known::Cookie2 => RequestHeader::Cookie2,
        Known::Host => RequestHeader::Host,
        Known::Pragma => RequestHeader::Pragma,
        Known::Referer => RequestHeader::Referer,
        Known::UserAgent => RequestHeader::UserAgent,
        _ => return None,
    })
}

/// What a name is that was sent as this code.
pub(super) const fn of_answer(code: ResponseHeader) -> Known {
    match code {
        ResponseHeader::ContentType => Known::ContentType,
        ResponseHeader::ContentLanguage => Known::ContentLanguage,
        ResponseHeader::ContentLength => Known::ContentLength,
        ResponseHeader::Date => Known::Date,
        ResponseHeader::LastModified => Known::LastModified,
        ResponseHeader::Location => Known::Location,
        ResponseHeader::SetCookie => Known::SetCookie,
        ResponseHeader::SetCookie2 => Known::SetCookie2,
        ResponseHeader::ServletEngine => Known::ServletEngine,
        ResponseHeader::Status => Known::Status,
        ResponseHeader::WwwAuthenticate => Known::WwwAuthenticate,
    }
}

#[cfg(test)]
mod tests {
    use ajp13::tables::HeaderCode as _;

    use super::*;

    #[test]
    fn each_code_has_the_name_that_the_protocol_gives_it() {
        for code in RequestHeader::ALL {
            let known = Known::of(code.name().as_bytes());
            assert_eq!(of_request(known), Some(*code));
        }
        for code in ResponseHeader::ALL {
            assert_eq!(of_answer(*code), Known::of(code.name().as_bytes()));
        }
        assert_eq!(of_request(Known::Other), None);
    }
}
