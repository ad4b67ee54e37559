#include "text/pre_tokenizers.h"

#include <algorithm>
#include <array>

namespace freehold::text {
namespace {

using Texts = std::string_view[];

constexpr std::string_view kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Contractions of either case, written out: with (?i: the 's would also take U+017F, the long s.
#define FH_CONTRACTIONS "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
// What most patterns since GPT-4's end with.
#define FH_ENDING R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"
#define FH_UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define FH_LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"

constexpr Texts kGpt2Patterns = {kGpt2};
constexpr Texts kLlama3Patterns = {FH_CONTRACTIONS
                                   R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)" FH_ENDING};
constexpr Texts kQwen2Patterns = {FH_CONTRACTIONS
                                  R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)" FH_ENDING};
constexpr Texts kTekkenPatterns = {R"([^\r\n\p{L}\p{N}]?)" FH_UPPER "*" FH_LOWER R"(+|[^\r\n\p{L}\p{N}]?)" FH_UPPER
                                   "+" FH_LOWER R"(*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*)" FH_ENDING};
constexpr Texts kGpt4oPatterns = {R"([^\r\n\p{L}\p{N}]?)" FH_UPPER "*" FH_LOWER "+" FH_CONTRACTIONS
                                  R"(?|[^\r\n\p{L}\p{N}]?)" FH_UPPER "+" FH_LOWER "*" FH_CONTRACTIONS
                                  R"(?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*)" FH_ENDING};
constexpr Texts kStarcoderPatterns = {R"(\p{N})", kGpt2};
constexpr Texts kFalconPatterns = {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2, "[0-9][0-9][0-9]"};
constexpr Texts kDefaultPatterns = {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"};
// U+4E00 to U+9FA5, U+0800 to U+4E00 and Hangul, as the DeepSeek files have them.
constexpr std::string_view kDeepseekCjk = R"([\x{4E00}-\x{9FA5}\x{0800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";
constexpr Texts kDeepseekCoderPatterns = {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", kDeepseekCjk, R"(\p{N})"};
// The second is a list of cased letters of Latin, Greek, Cyrillic, Armenian and some others; the third ends with U+FF01
// to U+FF0F, U+FF1A to U+FF5E, quotation marks and U+3000 to U+3002.
constexpr Texts kDeepseekLlmPatterns = {
    R"([\r\n])",
    "\\s?["
    "A-Za-z\\x{B5}\\x{C0}-\\x{D6}\\x{D8}-\\x{F6}\\x{F8}-\\x{1BA}\\x{1BC}-\\x{1BF}\\x{1C4}-\\x{293}"
    "\\x{295}-\\x{2AF}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37B}-\\x{37D}\\x{37F}\\x{386}\\x{388}-\\x{38A}"
    "\\x{38C}\\x{38E}-\\x{3A1}\\x{3A3}-\\x{3F5}\\x{3F7}-\\x{481}\\x{48A}-\\x{52F}\\x{531}-\\x{556}"
    "\\x{10A0}-\\x{10C5}\\x{13A0}-\\x{13F5}\\x{13F8}-\\x{13FD}\\x{1C90}-\\x{1CBA}\\x{1CBD}-\\x{1CBF}"
    "\\x{1D00}-\\x{1D2B}\\x{1D6B}-\\x{1D77}\\x{1D79}-\\x{1D9A}\\x{1E00}-\\x{1F15}\\x{1F18}-\\x{1F1D}"
    "\\x{1F20}-\\x{1F45}\\x{1F48}-\\x{1F4D}\\x{1F50}-\\x{1F57}\\x{1F59}\\x{1F5B}\\x{1F5D}"
    "\\x{1F5F}-\\x{1F7D}\\x{1F80}-\\x{1FB4}\\x{1FB6}-\\x{1FBC}\\x{1FBE}\\x{1FC2}-\\x{1FC4}"
    "\\x{1FC6}-\\x{1FCC}\\x{1FD0}-\\x{1FD3}\\x{1FD6}-\\x{1FDB}\\x{1FE0}-\\x{1FEC}\\x{1FF2}-\\x{1FF4}"
    "\\x{1FF6}-\\x{1FFC}\\x{2102}\\x{2107}\\x{210A}-\\x{2113}\\x{2115}\\x{2119}-\\x{211D}\\x{2124}"
    "\\x{2126}\\x{2128}\\x{212A}-\\x{212D}\\x{212F}-\\x{2134}\\x{2139}\\x{213C}-\\x{213F}"
    "\\x{2145}-\\x{2149}\\x{214E}\\x{2183}\\x{2184}\\x{2C00}-\\x{2C7B}\\x{2C7E}-\\x{2CE4}"
    "\\x{2CEB}-\\x{2CEE}\\x{2CF2}\\x{2CF3}\\x{A640}-\\x{A66D}\\x{A680}-\\x{A69B}\\x{A722}-\\x{A76F}"
    "\\x{A771}-\\x{A787}\\x{A78B}-\\x{A78E}\\x{AB70}-\\x{ABBF}\\x{FB00}-\\x{FB06}\\x{FB13}-\\x{FB17}"
    "\\x{FF21}-\\x{FF3A}\\x{FF41}-\\x{FF5A}\\x{10400}-\\x{1044F}\\x{104B0}-\\x{104D3}"
    "\\x{104D8}-\\x{104FB}\\x{10C80}-\\x{10CB2}\\x{10CC0}-\\x{10CF2}\\x{118A0}-\\x{118DF}"
    "\\x{1E900}-\\x{1E943}"
    "]+",
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)",
    R"(\s+$)",
    kDeepseekCjk,
    R"(\p{N}+)"};
constexpr Texts kDeepseek3Patterns = {
    R"(\p{N}{1,3})", R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)",
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*)" FH_ENDING};
constexpr std::string_view kBloom = R"( ?[^(\s|.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{0964}\x{06D4}\x{060C})]+)";
constexpr Texts kBloomPatterns = {kBloom};
constexpr Texts kVikingPatterns = {kBloom, R"(\p{N})"};

constexpr std::string_view kContractions = FH_CONTRACTIONS;

#undef FH_CONTRACTIONS
#undef FH_ENDING
#undef FH_UPPER
#undef FH_LOWER

constexpr Texts kLlama3Names = {"llama-bpe", "llama3",  "llama-v3", "falcon3",
                                "falcon-h1", "pixtral", "midm-2.0", "lfm2"};
constexpr Texts kChatglm4Names = {"chatglm-bpe", "glm4", "dbrx", "smaug-bpe"};
constexpr Texts kQwen2Names = {"qwen2", "deepseek-r1-qwen", "hunyuan", "megrez"};
constexpr Texts kStablelm2Names = {"stablelm2"};
constexpr Texts kGpt2Names = {"gpt-2",   "gpt2",    "phi-2",       "olmo",        "mpt",
                              "jina-es", "jina-de", "gigachat",    "jina-v2-es",  "jina-v2-de",
                              "exaone4", "mellum",  "modern-bert", "roberta-bpe", "a.x-4.0"};
constexpr Texts kStarcoderNames = {"starcoder", "refact", "codeshell", "exaone", "minerva-7b"};
constexpr Texts kCommandRNames = {"command-r", "smollm"};
constexpr Texts kFalconNames = {"falcon"};
constexpr Texts kDefaultNames = {"default"};
constexpr Texts kDeepseekLlmNames = {"deepseek-llm"};
constexpr Texts kDeepseekCoderNames = {"deepseek-coder"};
constexpr Texts kDeepseek3Names = {"deepseek-v3", "hunyuan-dense"};
constexpr Texts kTekkenNames = {"tekken"};
constexpr Texts kGpt4oNames = {"gpt-4o", "llama4"};
constexpr Texts kBloomNames = {"poro-chat", "bloom", "gpt3-finnish"};
constexpr Texts kVikingNames = {"viking"};

constexpr PreTokenizer kTable[] = {
    {.names = kLlama3Names, .patterns = kLlama3Patterns, .ignore_merges = true, .add_bos = true},
    {.names = kChatglm4Names, .patterns = kLlama3Patterns},
    {.names = kQwen2Names, .patterns = kQwen2Patterns, .cleanup = SpaceCleanup::none},
    {.names = kStablelm2Names, .patterns = kQwen2Patterns},
    {.names = kGpt2Names, .patterns = kGpt2Patterns},
    {.names = kStarcoderNames, .patterns = kStarcoderPatterns},
    {.names = kCommandRNames, .patterns = kStarcoderPatterns, .cleanup = SpaceCleanup::none},
    {.names = kFalconNames, .patterns = kFalconPatterns},
    {.names = kDefaultNames, .patterns = kDefaultPatterns},
    {.names = kDeepseekLlmNames, .patterns = kDeepseekLlmPatterns, .cleanup = SpaceCleanup::none},
    {.names = kDeepseekCoderNames, .patterns = kDeepseekCoderPatterns, .cleanup = SpaceCleanup::none},
    {.names = kDeepseek3Names, .patterns = kDeepseek3Patterns, .cleanup = SpaceCleanup::none},
    {.names = kTekkenNames,
     .patterns = kTekkenPatterns,
     .ignore_merges = true,
     .add_bos = true,
     .cleanup = SpaceCleanup::none},
    {.names = kGpt4oNames, .patterns = kGpt4oPatterns, .cleanup = SpaceCleanup::none},
    {.names = kBloomNames, .patterns = kBloomPatterns, .cleanup = SpaceCleanup::none},
    {.names = kVikingNames, .patterns = kVikingPatterns, .cleanup = SpaceCleanup::none},
};

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
  for (const PreTokenizer& pre : kTable) {
    if (std::find(pre.names.begin(), pre.names.end(), name) != pre.names.end()) return &pre;
  }
  return nullptr;
}

const PreTokenizer* matching_pre_tokenizer(std::span<const SplitStep> steps, bool ignore_merges) {
  // Files write contractions of either case with an option; the two differ for the long s alone, as every GGUF does.
  const auto spelled_out = [](std::string pattern) {
    constexpr std::string_view kOption = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    for (std::size_t at = pattern.find(kOption); at != std::string::npos; at = pattern.find(kOption, at + 1))
      pattern.replace(at, kOption.size(), kContractions);
    return pattern;
  };
  const auto same = [&](const SplitStep& step, std::string_view pattern) {
    return step.behaviour == SplitStep::Behaviour::isolated && !step.invert && spelled_out(step.pattern) == pattern;
  };
  for (const PreTokenizer& pre : kTable) {
    if (pre.ignore_merges == ignore_merges &&
        std::equal(steps.begin(), steps.end(), pre.patterns.begin(), pre.patterns.end(), same))
      return &pre;
  }
  return nullptr;
}

std::vector<SplitStep> split_steps(const PreTokenizer& pre) {
  std::vector<SplitStep> steps;
  for (std::string_view pattern : pre.patterns) steps.push_back({.pattern = std::string(pattern)});
  return steps;
}

std::string_view gpt2_pattern() {
  return kGpt2;
}

}  // namespace freehold::text
