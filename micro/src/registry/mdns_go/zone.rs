//! Which records answer a question.

use std::borrow::Cow;
use std::collections::BTreeSet;

use simple_dns::{QTYPE, Question, ResourceRecord, TYPE};

use super::names::{KINDS, SERVICES};
use super::records::{Records, TTL, pointer};

/// One answer: go-micro takes one node from each.
#[derive(Debug)]
pub(super) enum Answer<'a> {
    /// The node, or the service's name, that is found under this name.
    Under(String, Cow<'a, Records>),
    /// Records of the node itself.
    Of(&'a Records, QTYPE),
    /// That there are services of this kind.
    Kind(String, String),
}

impl Answer<'_> {
    pub(super) fn records(&self) -> Vec<ResourceRecord<'_>> {
        match self {
            Self::Under(name, records) => records.under(name),
            Self::Of(records, kind) => records.of_kind(*kind, TTL),
            Self::Kind(name, kind) => vec![pointer(name, kind)],
        }
    }
}

/// The answers to a question, of nodes that are each given by their service's name and their records.
pub(super) fn answers<'a>(
    question: &Question<'_>,
    nodes: &[(&str, &'a [Records])],
    domains: &[String],
) -> Vec<Answer<'a>> {
    let name = question.qname.to_string();
    let is_for_names = matches!(question.qtype, QTYPE::ANY | QTYPE::TYPE(TYPE::PTR));
    let mut found = Vec::new();
    for domain in domains {
        let is_asked = |parent: &str| is_for_names && name == format!("{parent}.{domain}");
        let services = || nodes.iter().map(|(service, _)| *service);
        let services = || services().collect::<BTreeSet<_>>().into_iter();
        if is_asked(SERVICES) {
            found.extend(services().map(|service| {
                let instance = format!("{service}.{name}");
                Answer::Under(name.clone(), Cow::Owned(Records::of_name(instance)))
            }));
        } else if is_asked(KINDS) {
            let kinds = services().map(|service| format!("{service}.{domain}"));
            found.extend(kinds.map(|kind| Answer::Kind(name.clone(), kind)));
        }
    }
    let is_in = |service: &str| {
        let mut names = domains.iter().map(|domain| format!("{service}.{domain}"));
        is_for_names && names.any(|own| own == name)
    };
    for (service, records) in nodes {
        let is_of_service = is_in(service);
        for one in *records {
            if one.instance == name {
                found.push(Answer::Of(one, question.qtype));
            } else if is_of_service && one.instance.ends_with(&format!(".{name}")) {
                found.push(Answer::Under(name.clone(), Cow::Borrowed(one)));
            }
        }
    }
    found.retain(|answer| !answer.records().is_empty());
    found
}

#[cfg(test)]
mod tests {
    use simple_dns::{CLASS, Name, QCLASS, QTYPE, Question, TYPE};

    use super::{Records, answers};
    use crate::registry::mdns_go::names::domains;

    fn records(instance: &str) -> Records {
        Records {
            instance: instance.to_owned(),
            address: "127.0.0.1:8080".parse().unwrap(),
            text: vec!["00".to_owned()],
        }
    }

    /// The kinds of the records of each answer about two nodes of `greeter`.
    fn answered(name: &str, kind: QTYPE) -> Vec<Vec<TYPE>> {
        let (one, two) = (
            [records("one.greeter.micro"), records("one.greeter.local")],
            [records("two.greeter.micro"), records("two.greeter.local")],
        );
        let nodes = [("greeter", &one[..]), ("greeter", &two[..])];
        let name = Name::new_unchecked(name);
        let question = Question::new(name, kind, QCLASS::CLASS(CLASS::IN), false);
        let answers = answers(&question, &nodes, &domains("").unwrap());
        let kinds = |answer: &super::Answer<'_>| {
            let records = answer.records();
            let kinds = records.iter().map(|record| record.rdata.type_code());
            kinds.collect()
        };
        answers.iter().map(kinds).collect()
    }

    #[test]
    fn each_node_of_a_service_is_an_answer_with_its_port_before_its_address() {
        let answers = answered("greeter.micro", QTYPE::TYPE(TYPE::PTR));

        let one = [TYPE::PTR, TYPE::SRV, TYPE::A, TYPE::TXT];
        assert_eq!(answers, [one, one]);
    }

    #[test]
    fn a_node_is_answered_for_by_the_records_that_are_asked_for() {
        assert_eq!(
            answered("two.greeter.local", QTYPE::TYPE(TYPE::SRV)),
            [[TYPE::SRV, TYPE::A]]
        );
        assert_eq!(
            answered("two.greeter.local", QTYPE::TYPE(TYPE::TXT)),
            [[TYPE::TXT]]
        );
    }

    #[test]
    fn a_service_is_listed_once_and_has_one_kind() {
        assert_eq!(
            answered("_services.micro", QTYPE::TYPE(TYPE::PTR)),
            [[TYPE::PTR, TYPE::SRV, TYPE::A, TYPE::TXT]]
        );
        assert_eq!(
            answered("_services._dns-sd._udp.micro", QTYPE::TYPE(TYPE::PTR)),
            [[TYPE::PTR]]
        );
    }

    #[test]
    fn nobody_answers_for_another() {
        for name in ["greet.micro", "greeter.other", "x.greeter.micro", "micro"] {
            assert!(answered(name, QTYPE::ANY).is_empty(), "{name}");
        }
    }
}
