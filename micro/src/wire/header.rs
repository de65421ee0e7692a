//! Header names, and what each one means to us.
//!
//! Names are compared without case: go-micro writes `Micro-Id` over HTTP and `Micro-ID` elsewhere.

/// Writes the enum and its names from one list.
macro_rules! headers {
    ($($(#[$doc:meta])* $header:ident = $name:literal;)*) => {
        /// A header that carries a part of a head.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Header {
            $($(#[$doc])* $header,)*
        }

        impl Header {
            /// Every header, in order of declaration.
            pub(crate) const ALL: &[Self] = &[$(Self::$header,)*];

            /// The name, in lower case.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$header => $name,)*
                }
            }
        }
    };
}

headers! {
    /// The service called, such as `greeter`.
    Service = "micro-service";
    /// Its other spelling, which go-micro reads where the plain one is absent.
    ServiceTwin = "x-micro-service";
    /// The endpoint called, such as `Greeter.Hello`.
    Endpoint = "micro-endpoint";
    /// Its other spelling.
    EndpointTwin = "x-micro-endpoint";
    /// The endpoint again, under its older name.
    Method = "micro-method";
    /// Its other spelling.
    MethodTwin = "x-micro-method";
    /// A number that the caller gave the call, echoed in the reply.
    Id = "micro-id";
    /// The time that the caller still waits, in whole nanoseconds.
    Timeout = "timeout";
    /// How the body is encoded.
    ContentType = "content-type";
    /// How the reply is to be encoded.
    Accept = "accept";
    /// The error that a call ended with; its body is then empty.
    Error = "micro-error";
    /// Its other spelling.
    ErrorTwin = "x-micro-error";
    /// With an error: `no` if no handler can have seen the call, `yes` if one may have. Peers that are not ours
    /// leave it out.
    Reached = "micro-reached";
}

/// What is to be done with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is a part of the head.
    Head(Header),
    /// It belongs to one hop: it neither becomes metadata nor leaves as metadata.
    Hop,
    /// It is metadata.
    Metadata,
}

/// What the headers of gRPC begin with; none of them is metadata.
const GRPC: &str = "grpc-";

/// What the header `name` means, whatever its case. Known ones are sorted by length, since this is asked for every
/// header of every call.
pub(crate) fn kind(name: &str) -> Kind {
    use Kind::Hop;

    let known: &[(&str, Kind)] = match name.len() {
        2 => &[("te", Hop)],
        4 => &[("host", Hop), ("date", Hop)],
        6 => &[head(Header::Accept), ("expect", Hop), ("server", Hop)],
        7 => &[head(Header::Timeout), ("trailer", Hop), ("upgrade", Hop)],
        8 => &[head(Header::Id)],
        10 => &[
            ("user-agent", Hop),
            ("connection", Hop),
            ("keep-alive", Hop),
            ("x-micro-id", Hop),
        ],
        11 => &[head(Header::Error), ("micro-topic", Hop)],
        12 => &[
            head(Header::ContentType),
            head(Header::Method),
            ("micro-frames", Hop),
            ("micro-opened", Hop),
            ("micro-reason", Hop),
            ("micro-stream", Hop),
            ("micro-target", Hop),
        ],
        13 => &[
            head(Header::Service),
            head(Header::Reached),
            head(Header::ErrorTwin),
            ("x-micro-topic", Hop),
        ],
        14 => &[
            ("content-length", Hop),
            head(Header::Endpoint),
            head(Header::MethodTwin),
            ("micro-attempts", Hop),
            ("x-content-type", Hop),
            ("micro-protocol", Hop),
            ("x-micro-stream", Hop),
            ("x-micro-target", Hop),
        ],
        15 => &[
            ("accept-encoding", Hop),
            head(Header::ServiceTwin),
            ("x-micro-reached", Hop),
        ],
        16 => &[
            head(Header::EndpointTwin),
            ("content-encoding", Hop),
            ("proxy-connection", Hop),
            ("x-micro-protocol", Hop),
        ],
        17 => &[("transfer-encoding", Hop)],
        _ => &[],
    };
    // HTTP gives names in lower case, which compare faster.
    let same = known.iter().find(|(own, _)| *own == name);
    let alike = || known.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
    let other = || match name.get(..GRPC.len()) {
        Some(start) if start.eq_ignore_ascii_case(GRPC) => Hop,
        _ => Kind::Metadata,
    };
    same.or_else(alike).map_or_else(other, |(_, kind)| *kind)
}

const fn head(header: Header) -> (&'static str, Kind) {
    (header.name(), Kind::Head(header))
}

#[cfg(test)]
mod tests {
    use super::{Header, Kind, kind};

    #[test]
    fn every_header_of_the_head_is_known_in_any_case() {
        for header in Header::ALL {
            assert_eq!(kind(header.name()), Kind::Head(*header));
            assert_eq!(kind(&header.name().to_uppercase()), Kind::Head(*header));
        }
    }

    #[test]
    fn hop_headers_are_no_metadata() {
        let hops = [
            "Micro-Topic",
            "Micro-Stream",
            "Micro-Reason",
            "Micro-Opened",
            "Micro-Attempts",
            "Content-Length",
            "Transfer-Encoding",
            "Connection",
            "Host",
            "User-Agent",
            "X-Micro-Id",
            "Micro-Protocol",
            "Micro-Target",
            "Keep-Alive",
            "TE",
            "Trailer",
            "Upgrade",
            "Expect",
            "Accept-Encoding",
            "Content-Encoding",
            "Proxy-Connection",
            "Date",
            "Server",
            "X-Micro-Topic",
            "X-Micro-Stream",
            "X-Micro-Target",
            "X-Micro-Protocol",
            "X-Micro-Reached",
            "grpc-timeout",
            "grpc-encoding",
            "grpc-accept-encoding",
            "grpc-status",
            "grpc-message",
            "grpc-status-details-bin",
            "x-content-type",
        ];

        for name in hops {
            assert_eq!(kind(name), Kind::Hop, "{name}");
        }
    }

    #[test]
    fn what_a_user_adds_is_metadata() {
        for name in [
            "x-user",
            "Authorization",
            "traceparent",
            "Micro-From-Service",
            ":topic",
            "",
        ] {
            assert_eq!(kind(name), Kind::Metadata, "{name}");
        }
    }
}
