"""The exercises of lesson 04: AdaIN, the ID-block, the injection and the generator (paper 3.2)."""

from simswap_lib.course.exercise import Exercise, Mutant
from simswap_lib.course.lesson_04 import adain as of_adain
from simswap_lib.course.lesson_04 import generator as of_generator
from simswap_lib.course.lesson_04 import modules as of_modules
from simswap_lib.course.lesson_04 import mutants as wrong
from simswap_lib.models.generator import Generator
from simswap_lib.models.iim import IDBlock, IDInjection, adain

ADAIN = Exercise(
    id="04.1",
    title="Adaptive instance normalisation",
    reference=adain,
    checks=(
        of_adain.keeps_the_shape,
        of_adain.takes_each_sample_alone,
        of_adain.takes_each_channel_alone,
        of_adain.keeps_the_layout,
        of_adain.takes_the_mean_away,
        of_adain.sets_the_spread,
        of_adain.sets_the_mean,
        of_adain.survives_a_flat_channel,
        of_adain.can_be_trained_through,
    ),
    hints=(
        "Three steps: each channel's mean and variance over height and width; subtract and divide; multiply by sigma_s "
        "and add mu_s. The picture of the micro-example above shows all three.",
        "`feature.mean(dim=(2, 3), keepdim=True)` is (B, C, 1, 1) and so fits the feature. The variance is the mean of "
        "the squared distances from it. `sigma_s[:, :, None, None]` gives sigma_s the same four axes.",
        "With `mean` and `variance` at hand, `normalised = (feature - mean) / torch.sqrt(variance + 1e-8)`. One line "
        "is left: scale it and shift it.",
    ),
    mutants=(
        Mutant(wrong.no_new_axes, "keeps_the_shape", "two more axes"),
        Mutant(wrong.over_the_batch, "takes_each_sample_alone", "batch normalisation"),
        Mutant(wrong.over_the_channels, "takes_each_channel_alone", "layer normalisation"),
        Mutant(wrong.over_one_axis, "keeps_the_layout", "not over one of the two"),
        Mutant(wrong.no_brackets, "takes_the_mean_away", "mind the brackets"),
        Mutant(wrong.by_the_variance, "sets_the_spread", "divided by the variance"),
        Mutant(wrong.unbiased, "sets_the_spread", "correction=0"),
        Mutant(wrong.changed_places, "sets_the_spread", "changed places"),
        Mutant(wrong.one_for_all, "sets_the_spread", "the first one's sigma_s"),
        Mutant(wrong.mean_before_scale, "sets_the_mean", "Add mu_s last"),
        Mutant(wrong.large_eps, "survives_a_flat_channel", "eps is too large"),
        Mutant(wrong.no_sign, "sets_the_spread", "upside down"),
        Mutant(wrong.without_gradient, "can_be_trained_through", "No gradient comes back"),
        Mutant(wrong.statistics_detached, "can_be_trained_through", "mean or spread were detached"),
        Mutant(wrong.eps_behind_the_root, "can_be_trained_through", "belongs under the root"),
    ),
    why="It first centres, then folds the division and sigma_s into one factor `gain` of shape (B, C, 1, 1), so that "
    "the large tensor is multiplied once. Statistics are taken in float32 even if the feature is shorter.",
    mistakes=(
        (
            "dim=(0, 2, 3), which is batch normalisation.",
            "right with one picture, wrong with two: a swap then depends on who else is in the batch.",
        ),
        ("Dividing by the variance instead of its root.", "loud channels fade, faint ones explode."),
    ),
    minutes=10,
    difficulty=2,
)

BLOCK = Exercise(
    id="04.2",
    title="The ID-block",
    reference=IDBlock,
    checks=(
        of_modules.has_the_four_parts,
        of_modules.gives_the_same_shape,
        of_modules.runs_the_parts_in_order,
        of_modules.has_a_relu_in_the_middle,
        of_modules.hands_x_through,
    ),
    hints=(
        "Follow the arrows of the figure: convolution, AdaIN, ReLU, convolution, AdaIN; then back onto the main road.",
        "Each AdaIN takes two things: `self.adain1(..., v_source)`. Keep x untouched, because the last line needs it.",
        "`y = F.relu(self.adain1(self.conv1(x), v_source))` is the first half. The second half has no ReLU; then "
        "return the sum of x and y.",
    ),
    mutants=(
        Mutant(wrong.OneAdaIN, "has_the_four_parts", "an AdaIN of its own"),
        Mutant(wrong.Concatenated, "gives_the_same_shape", "not concatenated"),
        Mutant(wrong.FirstAdaINTwice, "runs_the_parts_in_order", "`adain1` ran 2 times"),
        Mutant(wrong.NoSecondAdaIN, "runs_the_parts_in_order", "`adain2` never ran"),
        Mutant(wrong.AdaINFirst, "runs_the_parts_in_order", "AdaIN comes after its convolution"),
        Mutant(wrong.ReLUFirst, "runs_the_parts_in_order", "conv1 gets relu(x)"),
        Mutant(wrong.NoReLU, "has_a_relu_in_the_middle", "ReLU between the two halves is missing"),
        Mutant(wrong.ReLUBeforeAdaIN, "has_a_relu_in_the_middle", "It belongs after"),
        Mutant(wrong.Leaky, "has_a_relu_in_the_middle", "LeakyReLU"),
        Mutant(wrong.NoSum, "hands_x_through", "x was not added"),
        Mutant(wrong.ReLUAfterTheSum, "hands_x_through", "ReLU after the sum"),
        Mutant(wrong.TwoReLUs, "hands_x_through", "ReLU after the second AdaIN"),
        Mutant(wrong.MainRoadDetached, "hands_x_through", "the gradient that reaches what went in"),
    ),
    why="The sum leaves the target a free way through: a block only has to learn what to change. Nothing follows the "
    "sum, so the main road can carry negative numbers from the first block to the last.",
    mistakes=(
        ("A ReLU after the sum, as in the first ResNets.", "half of what the encoder says is cut off; dull pictures."),
        ("adain1 used in both halves.", "it runs and trains, but both halves must share one sigma_s and mu_s."),
    ),
    minutes=10,
    difficulty=2,
    shows=(IDBlock.forward,),
)

INJECTION = Exercise(
    id="04.3",
    title="The ID Injection Module",
    reference=IDInjection,
    checks=(of_modules.owns_its_blocks, of_modules.hands_features_on, of_modules.gives_all_the_same_identity),
    hints=(
        "Two blanks: a container of `blocks` ID-blocks, and a loop that passes the feature from one to the next.",
        "PyTorch only finds parameters in its own containers: `nn.ModuleList(... for _ in range(blocks))`.",
        "In the loop: `feature = block(feature, v_source)`. Return the feature after the loop, not in it.",
    ),
    mutants=(
        Mutant(wrong.PythonList, "owns_its_blocks", "Python list"),
        Mutant(wrong.OneBlockRepeated, "owns_its_blocks", "repeats one object"),
        Mutant(wrong.ReturnInTheLoop, "hands_features_on", "`return` inside the loop"),
        Mutant(wrong.AlwaysFromTheTarget, "hands_features_on", "starts again from the target"),
        Mutant(wrong.SumAround, "hands_features_on", "Nothing is added after the loop"),
        Mutant(wrong.FirstBlockOnly, "gives_all_the_same_identity", "All blocks get the same vector"),
        Mutant(wrong.OneIdentityForAll, "gives_all_the_same_identity", "one identity for the whole batch"),
        Mutant(wrong.WeakerAndWeaker, "gives_all_the_same_identity", "untouched"),
    ),
    why="Every block reads the same v_source, each with a linear layer of its own, so later blocks can write what "
    "earlier convolutions have mixed up again. The library adds two lines that refuse wrong shapes in words.",
    mistakes=(
        (
            "[IDBlock(...)] * blocks.",
            "one block nine times over: a ninth of the weights, and the shipped ones do not fit.",
        ),
        ("`return` inside the loop.", "one block instead of nine: the result hardly leaves the target."),
    ),
    minutes=10,
    difficulty=2,
)

GENERATOR = Exercise(
    id="04.4",
    title="The generator",
    reference=Generator,
    checks=(of_generator.has_the_three_stages, of_generator.runs_the_stages_in_order, of_generator.ends_with_tanh),
    hints=(
        "Three stages in a row; only the middle one sees v_source. The last step brings the picture into [-1, 1].",
        "Sizes come from config: `Encoder(config.width, config.downs)`, `IDInjection(config.channels, "
        "config.identity_dim, config.blocks)`, `Decoder(config.width, config.downs)`.",
        "`feature = self.encoder(target)`, then the injection with v_source, then `torch.tanh` of the decoder's "
        "result.",
    ),
    mutants=(
        Mutant(wrong.SizesOfThePaper, "has_the_three_stages", "Take every size from config"),
        Mutant(wrong.NoInjection, "runs_the_stages_in_order", "`injection` never ran"),
        Mutant(wrong.InjectedTwice, "runs_the_stages_in_order", "`injection` ran 2 times"),
        Mutant(wrong.SkipConnection, "runs_the_stages_in_order", "skip connection"),
        Mutant(wrong.NoTanh, "ends_with_tanh", "tanh is missing"),
        Mutant(wrong.Sigmoid, "ends_with_tanh", "That is a sigmoid"),
        Mutant(wrong.Clipped, "ends_with_tanh", "clipped"),
        Mutant(wrong.TargetAdded, "ends_with_tanh", "a way around the injection"),
        Mutant(wrong.NoGradient, "ends_with_tanh", "No gradient comes back"),
    ),
    why="The source enters at one place only, as a short vector: it has no pixels to bring along, so pose, light and "
    "hair can only come from the target. The library keeps the step before tanh apart, as `linear`, because one of "
    "the published weights does without tanh.",
    mistakes=(
        ("A skip connection from encoder to decoder.", "sharp pictures that stay the target's face."),
        ("A sigmoid instead of tanh.", "everything looks washed out: the darkest possible value is mid-grey."),
    ),
    minutes=10,
    difficulty=2,
    shows=(Generator.__init__, Generator.forward, Generator.linear),
)

EXERCISES = (ADAIN, BLOCK, INJECTION, GENERATOR)
