"""Chat templates of several families, what each writes of a conversation by hand, and a tokenizer with one of them."""

from tests.models import byte_tokenizer

_LOOP = "{% for m in messages %}"
_END = "{% endfor %}"


def _ask(text):
    return "{% if add_generation_prompt %}" + text + "{% endif %}"


# ChatML with a system turn of its own, as SmolLM2 has it
CHATML = (
    _LOOP
    + "{% if loop.first and messages[0]['role'] != 'system' %}"
    + "{{ '<|im_start|>system\nBe kind<|im_end|>\n' }}{% endif %}"
    + "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    + _END
    + _ask("{{ '<|im_start|>assistant\n' }}")
)
# BOS in the template, the assistant is the model, texts are stripped, a system role is refused: as Gemma has it
GEMMA = (
    "{{ bos_token }}"
    + "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    + _LOOP
    + "{% set role = 'model' if m['role'] == 'assistant' else m['role'] %}"
    + "{{ '<start_of_turn>' + role + '\n' + m['content'] | trim + '<end_of_turn>\n' }}"
    + _END
    + _ask("{{ '<start_of_turn>model\n' }}")
)
# today's date in a system turn, as Llama 3 has it
LLAMA = (
    "{{ bos_token + '<|header|>system<|/header|>\n\nToday: ' + strftime_now('%d %b %Y') + '<|eot|>' }}"
    + _LOOP
    + "{{ '<|header|>' + m['role'] + '<|/header|>\n\n' + m['content'] | trim + '<|eot|>' }}"
    + _END
    + _ask("{{ '<|header|>assistant<|/header|>\n\n' }}")
)
# no markers that are tokens, a space before the answer, as Mistral has it
MISTRAL = (
    "{{ bos_token }}"
    + _LOOP
    + "{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
    + "{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}"
    + _END
)
# every turn is written twice
TWICE = (
    _LOOP + "{{ m['role'] + ': ' + m['content'] + ' (again: ' + m['content'] + ')\n' }}" + _END + _ask("assistant: ")
)

TEMPLATES = {"chatml": CHATML, "gemma": GEMMA, "llama": LLAMA, "mistral": MISTRAL, "twice": TWICE}


def written(name, user, text):
    """What a template writes before and after an answer, and the answer in it, by hand."""
    if name == "chatml":
        turns = f"<|im_start|>system\nBe kind<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"
        return turns, text, "<|im_end|>\n"
    if name == "gemma":
        turns = f"<bos><start_of_turn>user\n{user.strip()}<end_of_turn>\n<start_of_turn>model\n"
        return turns, text.strip(), "<end_of_turn>\n"
    if name == "llama":
        turns = (
            "<bos><|header|>system<|/header|>\n\nToday: 26 Jul 2024<|eot|>"
            f"<|header|>user<|/header|>\n\n{user.strip()}<|eot|><|header|>assistant<|/header|>\n\n"
        )
        return turns, text.strip(), "<|eot|>"
    if name == "mistral":
        return f"<bos>[INST] {user} [/INST] ", text, "<eos>"
    return f"user: {user} (again: {user})\nassistant: {text} (again: ", text, ")\n"


def chat_tokenizer(name, *, bos=True, template=None):
    """The byte tokenizer with a template; the markers of the families are tokens of their own."""
    tokenizer = byte_tokenizer(bos=bos)
    markers = ["<|im_start|>", "<|im_end|>", "<start_of_turn>", "<end_of_turn>", "<|header|>", "<|/header|>", "<|eot|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": markers})
    tokenizer.chat_template = TEMPLATES[name] if template is None else template
    return tokenizer


def by_hand(name, user, text, *, bos=True):
    """Token ids of a conversation, and the places of the answer's tokens: from its pieces, one after another."""
    tokenizer = byte_tokenizer(bos=bos)
    marked = chat_tokenizer(name, bos=bos)
    before, own, after = (marked(part, add_special_tokens=False)["input_ids"] for part in written(name, user, text))
    if bos and before[:1] != [tokenizer.bos_token_id]:
        before = [tokenizer.bos_token_id, *before]
    return [*before, *own, *after], range(len(before), len(before) + len(own))
