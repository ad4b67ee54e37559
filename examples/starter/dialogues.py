"""Short conversations for the starter model, made from stories, from facts about countries and from templates.

Every choice is a function of a hash of what is chosen for, so the same input gives the same conversations everywhere.
A conversation is (key, [user, assistant, user, …]); the key decides whether it is held out."""
import hashlib
import re


class Chance:
    """Choices that depend on a key and on how many there were before."""

    def __init__(self, key):
        self.key, self.count = key, 0

    def below(self, n):
        self.count += 1
        return int.from_bytes(hashlib.sha256(f"{self.key}/{self.count}".encode()).digest()[:8], "big") % n

    def one(self, items):
        return items[self.below(len(items))]


def about(story):
    """What a story is about, said as in a request: "a girl named Lily", "a dog"; None if it does not say."""
    m = re.search(r"\b(an? (?:[a-z]+ )?(?:[a-z]+)) (?:named|called) ([A-Z][a-z]+)\b", story[:250])
    if m:
        return re.sub(r"^(an?) (?:little|small|big|young|old) ", "a ", m[1]) + " named " + m[2]
    m = re.search(r"there (?:was|lived) (an? (?:[a-z]+ )?[a-z]+)(?: who|\.| and|,| that)", story[:200])
    if m:
        return m[1]
    m = re.match(r"([A-Z][a-z]+) and ([A-Z][a-z]+) (?:are|were|liked|like|went)", story)
    return f"{m[1]} and {m[2]}" if m else None


TELL = ["Tell me a story about {}.", "Please tell me a story about {}.", "Can you tell me a story about {}?", "I want to hear a story about {}.",
        "Write a short story about {}.", "Do you know a story about {}?", "A story about {}, please."]
ANY = ["Tell me a story.", "Can you tell me a story?", "Please tell me a short story.", "I want a bedtime story.", "Tell me a story before I sleep."]
GO_ON = ["Go on with this story: {}", "How does this story go on? {}", "Continue the story: {}", "Finish this story: {}"]


def from_stories(stories):
    for story in stories:
        chance = Chance(story[:200])
        subject = about(story)
        kind = chance.below(10)
        first = re.match(r"(.{40,200}?[.!?]\"?)\s+(.+)", story, re.S)
        if kind < 4 and subject:
            yield story, [chance.one(TELL).format(subject), story]
        elif kind < 5:
            yield story, [chance.one(ANY), story]
        elif kind < 6 and first:
            yield story, [chance.one(GO_ON).format(first[1]), first[2]]


def from_countries(facts):
    for f in facts:
        name = f["name"]
        ask = []
        if f["capital"]:
            c = f["capital"]
            ask += [([f"What is the capital of {name}?", f"Which city is the capital of {name}?", f"Tell me the capital of {name}."],
                     f"The capital of {name} is {c}."),
                    ([f"Which country has the capital {c}?", f"{c} is the capital of which country?"], f"{c} is the capital of {name}.")]
        if f["location"]:
            ask.append(([f"Where is {name}?", f"Where can I find {name} on a map?", f"In what part of the world is {name}?"],
                        f"{name} is in {f['location'][0].upper() + f['location'][1:]}." if f["location"][:4] not in ("isla", "grou") else
                        f"{name}: {f['location']}."))
        if f["languages"] and len(f["languages"]) < 60:
            ask.append(([f"What language do people speak in {name}?", f"Which languages are spoken in {name}?"],
                        f"People in {name} speak {f['languages']}."))
        if f["population"]:
            ask.append(([f"How many people live in {name}?", f"What is the population of {name}?"], f"About {f['population']} people live in {name}."))
        if f["climate"]:
            ask.append(([f"What is the climate of {name} like?", f"What is the weather like in {name}?"], f"The climate of {name} is {f['climate']}."))
        if f["area"]:
            ask.append(([f"How big is {name}?", f"What is the area of {name}?"], f"The area of {name} is {f['area']}."))
        if f["resources"]:
            ask.append(([f"What natural resources does {name} have?"], f"{name} has {f['resources']}."))
        chance = Chance(name)
        for questions, answer in ask:
            yield name + answer, [chance.one(questions), answer]
        if len(ask) > 2:
            a, b = ask[0], ask[2 + chance.below(len(ask) - 2)]
            yield name + "both", [chance.one(a[0]), a[1], chance.one(b[0]).replace(name, "it") if chance.below(2) else chance.one(b[0]), b[1]]


SOUNDS = {"cow": "moo", "dog": "woof", "cat": "meow", "duck": "quack", "sheep": "baa", "pig": "oink", "horse": "neigh", "lion": "roar",
          "bird": "tweet", "frog": "croak", "bee": "buzz", "owl": "hoot", "mouse": "squeak", "snake": "hiss", "rooster": "cock-a-doodle-doo"}
BABIES = {"dog": "puppy", "cat": "kitten", "cow": "calf", "horse": "foal", "sheep": "lamb", "pig": "piglet", "hen": "chick", "duck": "duckling",
          "bear": "cub", "lion": "cub", "frog": "tadpole", "goat": "kid", "deer": "fawn", "kangaroo": "joey", "owl": "owlet", "goose": "gosling"}
OPPOSITES = ["big small", "hot cold", "up down", "happy sad", "day night", "fast slow", "old young", "open closed", "left right", "wet dry",
             "full empty", "hard soft", "high low", "loud quiet", "clean dirty", "strong weak", "rich poor", "early late", "near far", "long short",
             "light dark", "first last", "good bad", "sweet sour", "thick thin", "heavy light", "true false", "new old", "in out", "brave afraid"]
COLOURS = {"grass": "green", "the sky": "blue", "snow": "white", "a banana": "yellow", "a strawberry": "red", "the sun": "yellow", "coal": "black",
           "a carrot": "orange", "milk": "white", "a leaf": "green", "the sea": "blue", "a lemon": "yellow", "a tomato": "red", "an orange": "orange"}
HOMES = {"a bird": "a nest", "a bee": "a hive", "a dog": "a kennel", "a spider": "a web", "a fish": "the water", "a rabbit": "a burrow", "a fox": "a den",
         "a horse": "a stable", "a pig": "a sty", "a snail": "its shell", "a bear": "a cave", "a king": "a castle"}
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
WORK = {"a baker": "bakes bread", "a doctor": "helps people who are ill", "a teacher": "helps children to learn", "a farmer": "grows food and looks after animals",
        "a cook": "makes meals", "a painter": "paints pictures or walls", "a driver": "drives a bus or a car", "a sailor": "works on a ship", "a tailor": "makes clothes",
        "a gardener": "looks after plants", "a pilot": "flies a plane", "a nurse": "looks after people who are ill", "a judge": "decides in a court",
        "a builder": "builds houses", "a librarian": "looks after books"}


def small_facts():
    for animal, sound in SOUNDS.items():
        yield animal, [f"What sound does a {animal} make?", f"A {animal} says \"{sound}\"."]
        yield animal, [f"What does the {animal} say?", f"The {animal} says \"{sound}\"."]
    for animal, baby in BABIES.items():
        yield animal, [f"What is a baby {animal} called?", f"A baby {animal} is called a {baby}.".replace("a owlet", "an owlet")]
    for pair in OPPOSITES:
        for a, b in (pair.split(), pair.split()[::-1]):
            yield a + b, [f"What is the opposite of {a}?", f"The opposite of {a} is {b}."]
    for thing, colour in COLOURS.items():
        yield thing, [f"What colour is {thing}?", f"{thing[0].upper() + thing[1:]} is {colour}."]
    for who, home in HOMES.items():
        yield who, [f"Where does {who} live?", f"{who[0].upper() + who[1:]} lives in {home}."]
    for who, does in WORK.items():
        yield who, [f"What does {who} do?", f"{who[0].upper() + who[1:]} {does}."]
    for names in (DAYS, MONTHS):
        for i, name in enumerate(names):
            yield name, [f"What comes after {name}?", f"After {name} comes {names[(i + 1) % len(names)]}."]
            yield name + "before", [f"What comes before {name}?", f"Before {name} comes {names[i - 1]}."]
    for a in range(11):
        for b in range(11):
            if a + b <= 20:
                yield f"{a}+{b}", [f"What is {a} plus {b}?", f"{a} plus {b} is {a + b}."]
            if a >= b:
                yield f"{a}-{b}", [f"What is {a} minus {b}?", f"{a} minus {b} is {a - b}."]
    for n in range(3, 13):
        yield f"count{n}", [f"Count to {n}.", ", ".join(NUMBERS[1:n + 1]).capitalize() + "."]


HELLO = ["Hello!", "Hi!", "Hello", "Good morning!", "Hey there!", "Hi, how are you?", "Hello, how are you today?", "Good evening!"]
HELLO_BACK = ["Hello! How can I help you?", "Hi! It is nice to meet you. What would you like to do?", "Hello! Would you like to hear a story?"]
WHO = {"Who are you?": "I am the starter model, a very small language model. I can tell short stories and answer simple questions.",
       "What are you?": "I am a very small language model that runs on your own machine.",
       "What is your name?": "I am the starter model.",
       "What can you do?": "I can tell short stories, and I know a few simple facts. I am very small, so I am often wrong.",
       "Can you help me?": "I will try! I can tell a story or answer a simple question. For hard things you need a bigger model.",
       "Are you a person?": "No, I am a small computer program that writes text.",
       "Are you always right?": "No. I am a very small model, so please check what I say.",
       "How old are you?": "I am a computer program, so I have no age.",
       "Where are you?": "I run on your own machine. Nothing that you write leaves it."}
THANKS = ["Thank you!", "Thanks!", "Thanks, that is nice.", "Thank you very much.", "Great, thank you."]
WELCOME = ["You are welcome!", "You are welcome! Have a nice day.", "I am glad that you like it."]
BYE = {"Goodbye!": "Goodbye! Have a nice day.", "Bye!": "Bye! See you soon.", "Good night!": "Good night! Sleep well.", "See you later!": "See you later!"}

THINGS = ["book", "lamp", "coat", "chair", "phone", "pair of shoes", "bag", "bicycle", "watch", "toy train", "kettle", "jacket", "radio", "table", "hat"]
REASONS = ["it is broken", "it is too small", "it is too big", "I do not like the colour", "it is the wrong one", "it came too late", "I changed my mind"]
HOURS = ["nine", "ten", "eleven", "two", "three", "four", "five"]
SERVICE = [
    (["Where is my order?", "My {thing} has not arrived yet.", "When will my {thing} come?", "I am still waiting for my {thing}."],
     ["I am sorry for the wait. What is the number of your order?", "Let me look. Can you give me your order number?"],
     ["It is {number}.", "My order number is {number}.", "{number}."],
     ["Thank you. Order {number} is on its way and should arrive on {day}.", "Order {number} was sent yesterday. It should be with you on {day}."]),
    (["I want to send my {thing} back.", "Can I return a {thing}?", "I would like to return my {thing}, {reason}."],
     ["Of course. You can send it back within thirty days. Do you want your money back or another {thing}?"],
     ["I want my money back.", "Please send me another one.", "My money back, please.", "Another {thing}, please."],
     ["That is no problem. Please send the {thing} back to us, and we will do the rest.", "All right. You get an email that says how to send it back."]),
    (["When are you open?", "What are your opening hours?", "Are you open on {day}?", "At what time do you close on {day}?"],
     ["We are open from Monday to Saturday, from {hour} in the morning until six in the evening."], ["And on Sunday?", "Are you open on Sunday too?"],
     ["No, on Sunday we are closed."]),
    (["I would like to book a table for {people}.", "Can I have a table for {people} on {day}?", "Do you have a table for {people}?"],
     ["Gladly. On which day and at what time?", "Yes, of course. When would you like to come?"], ["On {day} at {hour}.", "{day} at {hour}, please."],
     ["Your table for {people} on {day} at {hour} is booked.", "Done: a table for {people}, on {day} at {hour}."]),
    (["I want to cancel my order.", "Please cancel order {number}.", "Can I still cancel my {thing}?"],
     ["I can do that for you. Is it order {number}?"], ["Yes.", "Yes, please.", "Yes, that is the one."],
     ["Order {number} is cancelled. You will get your money back in a few days."]),
    (["I forgot my password.", "I cannot log in to my account.", "My password does not work.", "How do I change my password?"],
     ["Click on \"Forgot password\", and we send you an email with a link. Did you get it?"], ["Yes, I got it.", "No, there is no email."],
     ["If there is anything else, please ask.", "Please look among your other mail too. It may take a few minutes."]),
    (["I need to change my address.", "I have moved. How can I change my address?", "Please change my address."],
     ["You can change it in your account, under \"My details\". Shall I do it for you?"], ["Yes, please.", "No, thank you, I will do it."],
     ["All right. It will be there from tomorrow."]),
    (["My {thing} is broken.", "The {thing} that I bought does not work.", "There is something wrong with my {thing}."],
     ["I am sorry to hear that. When did you buy it?"], ["Last {day}.", "Two weeks ago.", "A month ago."],
     ["Then we will repair it for nothing, or send you a new {thing}. What do you prefer?"]),
    (["I was charged twice.", "I paid twice for my {thing}.", "There is a payment on my card that I do not know."],
     ["I am sorry about that. How much was it?"], ["It was {number} dollars.", "{number}."],
     ["Thank you. We check the payment, and if it was wrong, you get your money back."]),
    (["I want to talk to a person.", "Can I speak to someone?", "I need to talk to a human."],
     ["Of course. What is it about?"], ["About my order.", "About a payment.", "About my {thing}.", "About my account."],
     ["Thank you. Someone will call you on {day} at {hour}."]),
    (["How much does a {thing} cost?", "What is the price of the {thing}?"], ["The {thing} costs {number} dollars. Would you like to buy it?"],
     ["Yes, please.", "No, that is too much.", "I will think about it."], ["All right. Is there anything else that I can do for you?"]),
    (["How long does delivery take?", "Do you deliver on {day}?", "How much is delivery?"],
     ["Delivery takes three days and costs four dollars. From fifty dollars it is free."], ["Thank you.", "Good, thanks."], ["You are welcome!"]),
]


def service(count=1400):
    for i in range(count):
        chance = Chance(f"service {i}")
        slots = {"thing": chance.one(THINGS), "reason": chance.one(REASONS), "day": chance.one(DAYS[:6]), "hour": chance.one(HOURS),
                 "people": chance.one(NUMBERS[2:9]), "number": str(10 + chance.below(90) if chance.below(2) else 1000 + chance.below(9000))}
        turns = [chance.one(options).format(**slots) for options in SERVICE[i % len(SERVICE)]]
        if chance.below(4) == 0:
            turns = [chance.one(HELLO), chance.one(HELLO_BACK[:1])] + turns
        if chance.below(3) == 0:
            turns += [chance.one(THANKS), chance.one(WELCOME)]
        yield " ".join(turns), turns


def small_talk():
    for i in range(160):
        chance = Chance(f"talk {i}")
        turns = [chance.one(HELLO), chance.one(HELLO_BACK)]
        if chance.below(2):
            question = chance.one(sorted(WHO))
            turns += [question, WHO[question]]
        if chance.below(2):
            turns += [chance.one(THANKS), chance.one(WELCOME)]
        if chance.below(2):
            bye = chance.one(sorted(BYE))
            turns += [bye, BYE[bye]]
        yield " ".join(turns), turns
    for _ in range(8):
        for question, answer in WHO.items():
            yield question, [question, answer]
    for bye, answer in BYE.items():
        yield bye, [bye, answer]


def all_dialogues(stories, facts):
    return [*from_stories(stories), *from_countries(facts), *small_facts(), *service(), *small_talk()]
