//! What is asked about without its files of certificates, keys and users: none of them decides a mapping, a session, a route or
//! a member, and they may be on another machine.

use ajpgate_config::{Action, Config, Member, MemberTls, Target};

/// The same configuration without these files. What says who the user is has to be asked of the original.
pub(super) fn without_files(mut config: Config) -> Config {
    for balancer in &mut config.balancers {
        balancer.members.iter_mut().for_each(forget_tls);
    }
    for mapping in &mut config.mappings {
        if let Action::Forward(Target::Member(member)) = &mut mapping.action {
            forget_tls(member);
        }
        if let Some(identity) = &mut mapping.identity {
            identity.basic = None;
            if let Some(forward) = &mut identity.forward {
                forget_tls(&mut forward.server);
            }
        }
    }
    config
}

fn forget_tls(member: &mut Member) {
    member.tls = Some(MemberTls::without_files());
}
