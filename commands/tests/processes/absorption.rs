use caravan_commands::Asking;
use caravan_commands::processes::absorption;
use caravan_commands::trips::ideas;
use caravan_domain::EntityId;
use caravan_domain::identity::AccountCommand;
use caravan_domain::trips::booking::{AddMember, NewMember, TripBookingCommand, TripBookings};
use caravan_domain::trips::crew::{CrewCommand, Crews};
use caravan_domain::trips::trip_idea::{Suggestion, TripIdeaState, TripIdeas};

use crate::world::{World, day};

async fn idea(world: &World, crew: EntityId, liked: &[EntityId], asking: &Asking) -> EntityId {
    let city_id = world.city().await;
    let new = Suggestion {
        crew_id: crew,
        city_id,
        start_date: day(1),
        end_date: day(2),
        event_ids: vec![],
        liked_user_ids: liked.to_vec(),
    };
    ideas::suggest(asking, new).await.unwrap().id
}

async fn liked(world: &World, idea: EntityId) -> Vec<EntityId> {
    let current = world.commands.state::<TripIdeas>(idea).await.unwrap();
    match &*current.state {
        TripIdeaState::Active(idea) => idea.liked.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absorbed_temp_member_is_replaced_everywhere_once() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let crew = world.crew(dana, &[]).await;
    let temp = world.invite(crew, dana, "+14165550100").await;
    let both = world.crew(dana, &[eli, temp]).await;
    let booking = world.booking(crew, dana, &[temp]).await;
    let idea = idea(&world, crew, &[temp, dana], &world.by(dana)).await;
    world.follow(absorption(&world.setup)).await;
    assert_eq!(world.crew_state(crew).await.members, [dana, temp]);

    world.account(temp, AccountCommand::Absorb { into: eli }).await;
    world.follow_and_die(absorption(&world.setup)).await;
    let restarted = world.another().await;
    restarted.follow(absorption(&restarted.setup)).await;

    assert_eq!(world.crew_state(crew).await.members, [dana, eli]);
    assert_eq!(world.crew_state(both).await.members, [dana, eli], "duplicates collapse");
    assert_eq!(world.booking_members(booking).await, [dana, eli]);
    assert_eq!(liked(&world, idea).await, [eli, dana]);
    assert_eq!(world.events("CrewMemberReplaced").await.len(), 2);
    assert_eq!(world.events("MemberReplaced").await.len(), 1);
    assert_eq!(world.events("TripIdeaPersonReplaced").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_an_absorbed_temp_member_later_gets_the_account() {
    let world = World::new().await;
    let (dana, eli) = (world.person("Dana", None, None).await, world.person("Eli", None, None).await);
    let crew = world.crew(dana, &[]).await;
    let temp = world.invite(crew, dana, "+14165550100").await;
    let booking = world.booking(crew, dana, &[]).await;
    let other = world.crew(dana, &[]).await;
    // Whoever adds them has read who they are before they were absorbed.
    let before = world.commands.state::<Crews>(crew).await.unwrap().state;
    world.account(temp, AccountCommand::Absorb { into: eli }).await;
    world.follow(absorption(&world.setup)).await;
    world.change_crew(other, dana, CrewCommand::AddMember { person: temp }).await;
    let add = NewMember { person: temp, leader: false, start_date: None, end_date: None, availability: None };
    let add = AddMember { member: add, crew: before };
    world.by(dana).send::<TripBookings>(booking, TripBookingCommand::AddMember(add)).await.unwrap();
    world.follow(absorption(&world.setup)).await;
    assert_eq!(world.crew_state(other).await.members, [dana, eli]);
    assert_eq!(world.booking_members(booking).await, [dana, eli]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_absorbs_a_temp_member_who_was_forgotten() {
    let world = World::new().await;
    let dana = world.person("Dana", None, None).await;
    let crew = world.crew(dana, &[]).await;
    let temp = world.invite(crew, dana, "+14165550100").await;
    world.follow(absorption(&world.setup)).await;
    let kept = async || -> i64 {
        sqlx::query_scalar("select count(*) from temp_member_places").fetch_one(&world.pool).await.unwrap()
    };
    assert_eq!(kept().await, 1);
    world.account(temp, AccountCommand::Forget).await;
    world.follow(absorption(&world.setup)).await;
    assert_eq!(kept().await, 0);
}
