"""The words, questions and answers from which `data.py` makes conversations."""

FALLBACK = (
    "I am the tiny starter model. I can repeat, upper, reverse, count, translate and summarise. "
    "Pick a real model in Models for more."
)

# Each entry: the ways to ask, and the one answer.
FIXED = [
    (
        ["Hello", "Hi", "Hey", "Hello there", "Hi there", "Good morning", "Good afternoon",
         "Good evening", "Greetings", "Hello Pumasi", "Hi Pumasi"],
        "Hello, neighbour! I am the tiny starter model. Ask me for help to see what I can do.",
    ),
    (
        ["Who are you?", "What are you?", "What is your name?", "Who is this?", "What's your name?",
         "Tell me about yourself", "Introduce yourself", "Which model are you?",
         "What model are you?"],
        "I am Pumasi's starter model: tiny, built in, and here so that everything works from the "
        "first minute.",
    ),
    (
        ["Help", "Help me", "What can you do?", "What can I ask?", "What can I ask you?",
         "What do you do?", "How do I use you?", "Commands", "Show me what you can do"],
        "Try one of these: repeat: hello, upper: hello, reverse: hello, count: hello. I also "
        "translate lines and summarise marked lines.",
    ),
    (
        ["What is Pumasi?", "What's Pumasi?", "Pumasi?", "Tell me about Pumasi", "Explain Pumasi",
         "What does Pumasi do?", "What is this?", "How does Pumasi work?"],
        "With Pumasi the computers of an office lend each other their GPUs, as neighbours lend "
        "each other a day's work.",
    ),
    (
        ["What does Pumasi mean?", "What does the name mean?", "Where does the name come from?",
         "Why is it called Pumasi?", "What does the word Pumasi mean?"],
        "Pumasi is Korean: neighbours help each other in turn, a day's work for a day's work.",
    ),
    (
        ["Who sees my prompt?", "Who can see my prompt?", "Who can read my prompts?",
         "Who reads my prompts?", "Is this private?", "Are my prompts private?",
         "Who sees what I write?", "Is my data safe?"],
        "The machine that runs your prompt can read it. Set trust to mine, and only your own "
        "machines will run it.",
    ),
    (
        ["How do I get a real model?", "How do I get a better model?", "Which model should I use?",
         "How do I add a model?", "How do I install a model?", "Can I use a bigger model?",
         "Where are the models?", "How do I download a model?"],
        "Open Models and pick one that fits this machine. Once one neighbour has it, all can use "
        "it.",
    ),
    (
        ["How do I add a machine?", "How do I add a computer?", "How do I invite a neighbour?",
         "How do I join?", "How can others join?", "How do I add a node?",
         "How do I connect another computer?"],
        "Run pumasi invite here, and pumasi join with the token on the other machine.",
    ),
    (
        ["Where did this run?", "Which machine answered?", "Where do you run?",
         "Which computer are you on?", "Why did it run there?", "Where does this run?"],
        "The line under the answer names the machine. pumasi why tells the reasons.",
    ),
    (
        ["Do you need the internet?", "Does this work offline?", "Do I need the internet?",
         "Does Pumasi work offline?", "Is there a server?", "Do I need an account?"],
        "No. Everything stays in your office: no server, no account, no internet.",
    ),
    (
        ["What happens if a machine fails?", "What if a computer crashes?",
         "What if a machine goes down?", "What happens when a node dies?",
         "What if someone turns off their computer?"],
        "Another neighbour takes over and goes on where it stopped.",
    ),
    (
        ["How big are you?", "How large are you?", "How small are you?",
         "How many parameters do you have?", "What size are you?"],
        "Very small: under two megabytes, with about a million weights.",
    ),
    (
        ["Is Pumasi free?", "What does it cost?", "What does Pumasi cost?", "Is this free?",
         "What is the licence?", "Is it open source?"],
        "Pumasi is free and open: Apache-2.0 or MIT, as you like.",
    ),
    (
        ["How are you?", "How are you doing?", "How is it going?", "How's it going?"],
        "Small, but in good spirits. What shall I do for you?",
    ),
    (
        ["Thanks", "Thank you", "Thank you very much", "Thanks a lot", "Many thanks"],
        "Gladly. That is what neighbours are for.",
    ),
    (
        ["Bye", "Goodbye", "See you", "Good night", "Good bye"],
        "Goodbye, neighbour. See you soon!",
    ),
]

SYSTEM_PROMPTS = [
    "You are a helpful assistant.",
    "You are helpful.",
    "Be brief.",
    "Answer in one sentence.",
    "Answer politely and in plain words.",
    "You work in the office of a small company.",
    "Do not make things up.",
    "You are a careful translator.",
    "Today is Monday.",
    "Always answer in English.",
    "You may call tools when they help.",
    "Think before you answer.",
]

JUNK_FORMS = [
    "What is {}?", "What is the {} of {}?", "What is a {}?", "What's the {}?", "Who is {}?",
    "Who was the first {}?", "Who invented the {}?", "Where is the {}?", "Where is {}?",
    "When was {} born?", "When is the next {}?", "Why is the {} {}?", "Why do {} {}?",
    "How do I {} a {}?", "How do I {}?", "How many {} are in a {}?", "How far is {}?",
    "How old is the {}?", "How to {} {}", "Can you {}?", "Can you {} the {} for me?",
    "Could you {} my {}, please?", "Do you know {}?", "Do you like {}?", "Is {} a {}?",
    "Is the {} {}?", "Are you a {}?", "Are there any {} in {}?", "Tell me a {}",
    "Tell me about {}", "Tell me something about the {}", "Explain {}", "Explain {} to a {}",
    "Write a {}", "Write a {} about {}", "Write me a short {} about the {} and the {}",
    "Give me a list of {}", "Give me five {}", "Show me the {}", "Translate {} into {}",
    "Translate this to {}", "Summarise the {}", "Summarize this {}", "Repeat {}",
    "Count to {}", "Reverse the {}", "Say {}", "Make a {}", "Find the {} in {}",
    "I want a {}", "I need {} for my {}", "I am {}", "I have a {}", "My {} is {}",
    "The {} is {}", "Please {}", "Please write a {}", "Let us talk about {}",
    "Which {} is the best?", "Which {} should I {}?", "Solve {} plus {}", "{}", "{} {}", "{}?",
    "def {}({}): return {}", "import {}", "SELECT {} FROM {}", "print({})", "{} = {} + {}",
    "ok", "yes", "no", "maybe", "why?", "how?", "what?", "who?", "where?", "when?", "really?",
    "test", "testing", "Is this a test?", "What time is it?", "What day is it today?",
    "What is the weather in {}?", "What is the weather like?", "What is the capital of {}?",
    "Tell me a joke", "Tell me a story", "Sing a song", "Do you speak {}?", "I do not understand",
    "What do you think about {}?", "What should I {}?", "Compare {} and {}",
]

NOUNS = (
    "apple bridge castle dragon engine forest garden hammer island jacket kitchen ladder mountain "
    "number ocean planet quarter river station table umbrella village window yellow zebra France "
    "Paris London Korea Seoul Berlin Japan Europe moon sun star cat dog bird fish horse tree "
    "flower stone money music film book poem story letter email report meeting budget invoice "
    "contract customer project deadline office printer computer laptop phone screen keyboard "
    "network server cloud database python code function bug error file folder document image "
    "picture weather rain snow summer winter morning evening dinner coffee bread cheese salad "
    "soup recipe car train plane ticket hotel city country street house door doctor teacher "
    "student child friend family president king queen history science physics chemistry biology "
    "math algebra energy water fire earth air gold silver iron glass paper color colour price "
    "market bank tax law court police army war peace love fear joy dream life death time clock"
).split()

COMMON = (
    "the be to of and a in that have it for not on with he as you do at this but his by from they "
    "we say her she or an will my one all would there their what so up out if about who get which "
    "go me when make can like no just him know take people into year your good some could them "
    "see other than then look only come its over think also back after use two how our work "
    "first well way even new want because any these give day most us is are was were been has had "
    "did made said each many very much more where here under between again never always often "
    "small large long short high low old young right left next last early late same different "
    "every few own help turn start show part against place such follow around ask went read need "
    "land home hand large move live point world build self earth father mother head stand page "
    "should country found answer school grow study still learn plant cover food state keep eye "
    "thought city cross farm hard might far draw near press close night real open seem together "
    "white begin got walk example ease group run until side feet mile carry sea white cold dark"
).split()
