//! Whom one may invite by id: those with whom one shares a crew, as the crews' streams have it.

use caravan_commands::CommandError;
use caravan_commands::processes::departures;
use caravan_commands::trips::crews;
use caravan_domain::trips::crew::CrewCommand;
use caravan_domain::{EntityId, RejectionKind};
use uuid::Uuid;

use crate::world::World;

#[track_caller]
fn not_found<T>(outcome: Result<T, CommandError>, entry: &str) -> String {
    match outcome {
        Err(CommandError::Rejected(rejection)) => {
            assert_eq!((rejection.kind, rejection.field()), (RejectionKind::NotFound, Some(entry)));
            rejection.faults[0].message.clone()
        }
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("was accepted"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shares_no_crew_cannot_be_told_from_who_does_not_exist() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let stranger = world.person("Fay", Some("+15550106"), None).await;
    let together = world.crew(dana, &[eli]).await;
    world.crew(stranger, &[]).await;
    let crew = world.crew(dana, &[]).await;
    world.follow(departures(&world.setup)).await;
    let invite = async |users| crews::invite(&world.by(dana), crew, users, vec![]).await;
    let unknown = not_found(invite(vec![eli, EntityId(Uuid::new_v4())]).await, "users[1].id");
    assert_eq!(not_found(invite(vec![eli, stranger]).await, "users[1].id"), unknown);
    assert_eq!(world.crew_state(crew).await.members, [dana], "half of a list invites nobody");
    // What is kept has Eli in the crew still; its stream decides, once nothing can be newer.
    world.remove_from_crew(together, eli, eli).await;
    let (left, ()) = tokio::join!(invite(vec![eli]), world.follow(departures(&world.setup)));
    not_found(left, "users[0].id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crew_that_is_shared_since_just_now_counts() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    world.crew(dana, &[eli]).await;
    let crew = world.crew(dana, &[]).await;
    let by = world.by(dana);
    let invite = crews::invite(&by, crew, vec![eli], vec![]);
    let (invited, ()) = tokio::join!(invite, world.follow(departures(&world.setup)));
    assert_eq!(invited.unwrap().people[0].0, eli);
    assert_eq!(world.crew_state(crew).await.members, [dana, eli]);
    // A crew that was deleted is shared no more.
    let third = world.crew(dana, &[]).await;
    let (gone, other) = (world.crew(dana, &[]).await, world.person("Gus", None, None).await);
    world.change_crew(gone, dana, CrewCommand::AddMember { person: other }).await;
    world.change_crew(gone, dana, CrewCommand::Delete).await;
    world.follow(departures(&world.setup)).await;
    not_found(crews::invite(&world.by(dana), third, vec![other], vec![]).await, "users[0].id");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_by_number_says_so_and_whose() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", Some("+15550107"), None).await);
    world.claim_phone(eli, "+15550107").await;
    let crew = world.crew(dana, &[]).await;
    let temp = world.invite(crew, dana, "+15550108").await;
    assert_eq!(world.invite(crew, dana, "+15550107").await, eli);
    let state = world.crew_state(crew).await;
    for (person, number) in [(temp, "+15550108"), (eli, "+15550107")] {
        let sealed = state.invited_by_number(person, dana).expect("was invited by number");
        assert_eq!(sealed.subject, person);
        assert_eq!(world.commands.vault().open_text(sealed).await.unwrap(), number);
        assert_eq!(state.invited_by_number(person, eli), None);
    }
}
