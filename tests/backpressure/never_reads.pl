# never_reads.pl DIRECTORY: never reads its input. Tells the size of its terminal at the start and
# whenever that changes, and in DIRECTORY/interrupts how many SIGINT came.
use strict;
use warnings;

my ($directory) = @ARGV;
my ($interrupts, $changed) = (0, 1);
$| = 1;
$SIG{WINCH} = sub { $changed = 1 };
$SIG{INT} = sub {
    open(my $file, '>', "$directory/interrupts") or die $!;
    print $file ++$interrupts, "\n";
    close($file);
};
while (1) {
    if ($changed) {
        $changed = 0;
        my $size = `stty size`;
        chomp($size);
        print "size $size;\n";
    }
    # A signal between the question and the sleep costs no more than this.
    select(undef, undef, undef, 0.2);
}
